//! Devices end to end: our clients against our simulators, over real sockets and terminals.
//!
//! Owns what only shows between two programs. Pure parts are tested beside their code.

#[cfg(test)]
mod cutting;
#[cfg(test)]
mod fuzzing;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod printing;
#[cfg(test)]
mod scanning;
#[cfg(all(test, feature = "evdev"))]
mod typing;
#[cfg(test)]
mod weighing;
