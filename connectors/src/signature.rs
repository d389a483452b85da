//! Signatures of Standard Webhooks, version 1: HMAC-SHA256 over id, time and the raw bytes.
//!
//! It knows no channel. Invariant: comparing takes the same time whatever was sent, and every
//! live secret is tried.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::Secret;

const VERSION: &str = "v1,";
/// Signatures of one delivery that are looked at: a sender in rotation sends two.
const SIGNATURES_MAX: usize = 8;

/// The signature of a message, as it stands in the header.
pub fn sign(secret: &Secret, id: &str, seconds: i64, body: &[u8]) -> String {
    format!("{VERSION}{}", STANDARD.encode(digest(secret, id, seconds, body)))
}

/// True when one of the signatures in a header is of one of the secrets.
pub fn is_signed(secrets: &[Secret], id: &str, seconds: i64, body: &[u8], header: &str) -> bool {
    let sent = header.split(' ').filter_map(|one| one.strip_prefix(VERSION)).take(SIGNATURES_MAX);
    let sent: Vec<Vec<u8>> = sent.filter_map(|text| STANDARD.decode(text).ok()).collect();
    let mut good = Choice::from(0);
    for secret in secrets {
        let ours = digest(secret, id, seconds, body);
        for theirs in &sent {
            good |= ours.as_slice().ct_eq(theirs);
        }
    }
    good.into()
}

fn digest(secret: &Secret, id: &str, seconds: i64, body: &[u8]) -> Vec<u8> {
    // HMAC takes keys of every length: the error cannot happen, and an empty digest is no good.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.bytes()) else { return vec![] };
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        let secret = Secret::parse(SECRET).unwrap();
        assert_eq!(sign(&secret, ID, 1_614_265_330, BODY), SIGNATURE);
    }

    #[test]
    fn one_of_several_signatures_and_secrets_is_enough() {
        let (old, new) = (Secret::parse(SECRET).unwrap(), Secret::new(&[1; 32]).unwrap());
        let signed =
            |secrets: &[Secret], header: &str| is_signed(secrets, ID, 1_614_265_330, BODY, header);
        let two = format!("v1a,xyz {SIGNATURE}");
        assert!(signed(&[new.clone(), old.clone()], &two));
        assert!(!signed(&[new], &two) && !signed(&[], &two));
        for wrong in ["", "v1,", "v1", "v2,g0hM9SsE", "v1,AAAA", "g0hM9SsE+OTPJTGt"] {
            assert!(!signed(std::slice::from_ref(&old), wrong), "{wrong}");
        }
        assert!(!is_signed(&[old], ID, 1_614_265_331, BODY, SIGNATURE), "another time");
    }
}
