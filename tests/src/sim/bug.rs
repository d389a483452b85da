//! Planted bugs: faults that the shells of the simulator make on purpose, never the product.
//!
//! Each must be caught by the auditor within a bounded number of seeds; the numbers are those of
//! the protocol's own list (shares.md section 9). The four of reliability.md section 0.1 are
//! `applied-again`, `deduped-by-seq`, `deduped-by-epoch` and `ack-before-commit`.

macro_rules! bugs {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A planted bug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug { $($(#[$doc])* $name,)* }

        impl Bug {
            /// All of them.
            pub const ALL: &'static [Bug] = &[$(Bug::$name,)*];

            /// The seeds that try it: for faults that few runs have, only those of their kind.
            pub fn seeds(self, count: u64) -> impl Iterator<Item = u64> {
                let kind = match self {
                    Bug::TotalsNotLearned | Bug::PromisesEarly => Some(1),
                    Bug::LeaseWithoutNonce | Bug::CopyCloseFrees | Bug::NoPredecessor => Some(4),
                    Bug::ResidueDrawn => Some(5),
                    _ => None,
                };
                (1..=count).map(move |n| kind.map_or(n, |kind| 8 * n + kind))
            }

            /// Random runs meet it; else only a search of small worlds does.
            pub const fn by_chance(self) -> bool {
                !matches!(
                    self,
                    Bug::DrawnAgain
                        | Bug::GrantOldSession
                        | Bug::AckOldSession
                        | Bug::ResidueDrawn
                )
            }

            /// The name on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Bug::$name => $text,)* }
            }
        }
    };
}

bugs! {
    /// 1: a grant is a delta, applied at each delivery.
    GrantDelta = "grant-delta",
    /// 2: a grant without incarnation and session.
    GrantAnySession = "grant-any-session",
    /// 3: a recall is answered before the deduction is durable.
    RecallBeforeDurable = "recall-before-durable",
    /// 4: a repeated recall is answered again without deduction.
    RecallAnsweredAgain = "recall-answered-again",
    /// 5: the hub acknowledges before its commit.
    AckBeforeCommit = "ack-before-commit",
    /// 6: the hub applies a fact again.
    AppliedAgain = "applied-again",
    /// 7: a return goes to the agent's share and to the hub's available.
    ReturnBothSides = "return-both-sides",
    /// 8: the hub derives the split from its own view.
    HubSplits = "hub-splits",
    /// 9: a dark agent's share goes to available when it is retired.
    RetireReleases = "retire-releases",
    /// 10: a restored or copied agent is taken as the same.
    CopyIsSame = "copy-is-same",
    /// 11: a lease without a nonce.
    LeaseWithoutNonce = "lease-without-nonce",
    /// 12: a restored hub does not learn granted totals.
    TotalsNotLearned = "totals-not-learned",
    /// 13: a restored hub promises before it was told everything.
    PromisesEarly = "promises-early",
    /// 14: a count's deficit is taken from the store's share.
    CountTakesShare = "count-takes-share",
    /// 15: a copy's Close frees the doubt.
    CopyCloseFrees = "copy-close-frees",
    /// 16: a fact whose commercial part is wrong loses its stock effect.
    RejectedLosesStock = "rejected-loses-stock",
    /// 17: facts are applied in any order.
    AnyOrder = "any-order",
    /// 18: the agent deletes acknowledged facts at once.
    AcknowledgedDeleted = "acknowledged-deleted",
    /// 19: a recall takes units that a ticket holds.
    RecallTakesHeld = "recall-takes-held",
    /// 20: a grant is sent before its commit.
    GrantBeforeCommit = "grant-before-commit",
    /// 21: a count is compared with the books of its arrival, outside the log's order.
    CountAtArrival = "count-at-arrival",
    /// 22: facts of a retired agent are drawn again after a count.
    DrawnAgain = "drawn-again",
    /// 23: a recall is a delta: each copy takes again.
    RecallDelta = "recall-delta",
    /// 24: a grant of an earlier session is applied after a hub restore.
    GrantOldSession = "grant-old-session",
    /// 25: an acknowledgement of an earlier session is believed.
    AckOldSession = "ack-old-session",
    /// 26: an online cancel frees a unit that was handed over.
    CancelFrees = "cancel-frees",
    /// 27: facts do not name their predecessor.
    NoPredecessor = "no-predecessor",
    /// 28: any sale beyond a share draws what a retired agent may still hold.
    ResidueDrawn = "residue-drawn",
    /// A fact is known by its agent and its place in the log, whichever life wrote it.
    DedupedBySeq = "deduped-by-seq",
    /// A fact is known by its agent, the life that sends it and its place in the log.
    DedupedByEpoch = "deduped-by-epoch",
    /// The agent sends before its commit.
    AgentSendsEarly = "agent-sends-early",
    /// A sale loses its split: all of it counts as beyond.
    SaleLosesSplit = "sale-loses-split",
    /// The agent stores rows, not which of its facts they include.
    AppliedForgotten = "applied-forgotten",
    /// A register takes its next receipt number from memory.
    NumberInMemory = "number-in-memory",
    /// The hub forgets which commands it answered.
    OutcomesForgotten = "outcomes-forgotten",
    /// A hold's timer is not stored with it.
    TimerInMemory = "timer-in-memory",
    /// Units that arrived are booked once more when their fact comes again.
    ArrivedTwice = "arrived-twice",
    /// Units that a store has sent stay in its share.
    ShippedStays = "shipped-stays",
    /// What was sent is booked as received, whatever was unpacked.
    ReceivedAsSent = "received-as-sent",
    /// A claim of a kit takes some of its parts.
    KitSomeParts = "kit-some-parts",
    /// A claim is tried on when its time is over and it was refused.
    ClaimAfterDeadline = "claim-after-deadline",
    /// A hold is paid for after its end.
    HoldOutlives = "hold-outlives",
    /// A sale beyond the share takes an order's units before those of a hold.
    PaidFirst = "paid-first",
    /// A channel is offered safety stock and buffers too.
    KeptBackForgotten = "kept-back-forgotten",
    /// Of two hubs one commits without a look at what the other has written since it decided.
    CommitsUnseen = "commits-unseen",
    /// A hub believes the rows that it kept, although another one has written.
    KeptRowsBelieved = "kept-rows-believed",
    /// A hub starts although its database is behind the witness.
    WitnessIgnored = "witness-ignored",
    /// A hub does not look whether a log goes on behind what it has.
    GapUnseen = "gap-unseen",
}
