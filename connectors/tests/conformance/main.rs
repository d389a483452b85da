//! What every channel connector must do, asked of each; a file a connector says how it speaks.

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod webhook;

#[cfg(test)]
use oneshelf_connectors::CHANNELS;

#[cfg(test)]
/// Every connector that there is, as the suite asks it.
const SPECIMENS: &[&dyn suite::Specimen] = &[&webhook::Specimen];

#[test]
fn every_connector_stands_in_the_suite() {
    let names: Vec<&str> = SPECIMENS.iter().map(|specimen| specimen.connector().name()).collect();
    let registered: Vec<&str> = CHANNELS.iter().map(|connector| connector.name()).collect();
    assert_eq!(names, registered);
    for name in registered {
        assert!(oneshelf_connectors::channel(name).is_some(), "{name}");
    }
    assert!(oneshelf_connectors::channel("nobody").is_none());
}

macro_rules! conformance {
    ($($name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            for specimen in SPECIMENS {
                suite::$name(*specimen);
            }
        })+
    };
}

conformance!(
    an_order_and_its_cancellation_are_read,
    what_is_not_signed_by_the_channel_is_not_read,
    both_secrets_are_good_while_one_replaces_the_other,
    an_old_or_early_delivery_is_refused,
    a_replay_is_the_same_delivery,
    fields_that_nobody_knows_are_not_kept,
    our_own_messages_are_echoes,
    hostile_bodies_are_refused,
    a_header_sent_twice_proves_nothing,
    a_message_has_the_same_key_and_bytes_at_every_attempt,
    every_message_can_be_told,
    answers_are_classified,
);
