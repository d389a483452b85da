//! The hub's HTTP API, in one process, on the engine of this run. A file a noun.

#[cfg(test)]
mod backup;
#[cfg(test)]
mod board;
#[cfg(test)]
mod broker;
#[cfg(test)]
mod channels;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod copies;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod enrolment;
#[cfg(test)]
mod events;
#[cfg(test)]
mod exports;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod import_conflicts;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod input;
#[cfg(test)]
mod items;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod kits;
#[cfg(test)]
mod link;
#[cfg(test)]
mod live;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod manuals;
#[cfg(test)]
mod mosquitto;
#[cfg(test)]
mod mqtt;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod order_trouble;
#[cfg(test)]
mod prices;
#[cfg(test)]
mod public;
#[cfg(test)]
mod recalls;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod rejected;
#[cfg(test)]
mod reservations;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod rollback;
#[cfg(test)]
mod service;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod stock;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod transfers;
#[cfg(test)]
mod words;
