//! Proofs with real processes: killed, cut off, crowded.
//!
//! Each proof sets a shop up, makes trouble, and compares what the programs say with books of its
//! own. It shares no rule with the programs. Processes, disk and scheduler are real, so a seed
//! gives the same choices but not the same run.

pub mod agents;
pub mod backups;
pub mod client;
pub mod clock;
pub mod dice;
pub mod full;
pub mod hot;
pub mod kills;
pub mod lane;
pub mod lanes;
pub mod last_unit;
pub mod linear;
pub mod load;
pub mod offline;
pub mod points;
pub mod programs;
pub mod register;
pub mod replicas;
pub mod restore;
pub mod road;
pub mod rows;
pub mod script;
pub mod settle;
pub mod verdict;
pub mod world;
