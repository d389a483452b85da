//! What the doctor says of files: keys, the database's file, backups, certificate and its key.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use nix::sys::statvfs::statvfs;
use oneshelf_domain::Timestamp;
use oneshelf_protocol::certificate::Certificate;
use oneshelf_protocol::report::Report;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{ServerName, UnixTime};

use super::{Asked, SPACE_BAD, SPACE_WARN, ago};
use crate::http::Proxy;
use crate::secrets;
use crate::serve::{Options, is_plain};
use crate::tls::{ENDS_SOON_MS, files, roots};

/// A backup older than this is late, and older than that none, milliseconds (26 hours, 7 days).
const BACKUP_LATE_MS: i64 = 26 * 60 * 60 * 1_000;
const BACKUP_NONE_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
const MIB: u64 = 1 << 20;

fn mode(about: &Metadata) -> u32 {
    about.permissions().mode() & 0o777
}

/// Whether it is its owner's alone, and that is us (or we are root and look at another's).
fn own(report: &mut Report, name: &str, path: &Path, wanted: u32) {
    let shown = path.display();
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) => {
            let to_do = "bring it back from a backup: PINs and passwords cannot be checked without";
            report.bad(name, format!("{shown}: {error}"), to_do);
            return;
        }
    };
    let us = nix::unistd::geteuid();
    if about.uid() != us.as_raw() && !us.is_root() {
        report.bad(
            name,
            format!("{shown} belongs to user {}, and this is user {us}", about.uid()),
            "run hub and doctor as the user that the keys belong to",
        );
    } else if about.permissions().mode() & 0o077 != 0 {
        let what = format!("{shown} is open to others (mode {:03o})", mode(&about));
        report.bad(name, what, &format!("chmod {wanted:o} {shown}"));
    } else {
        report.ok(name, format!("{shown}, mode {:03o}", mode(&about)));
    }
}

pub(super) fn keys(report: &mut Report, folder: &Path) {
    if !folder.exists() {
        let what = format!("{} is not there yet", folder.display());
        report.warn(
            "keys",
            what,
            "the first `hub serve` makes it; if there was one, bring it back",
        );
        return;
    }
    own(report, "keys", folder, 0o700);
    own(report, "keys.file", &folder.join(secrets::FILE), 0o600);
}

/// Of a server the space is not this machine's to know.
pub(super) fn sqlite_file(report: &mut Report, url: &str) {
    let Some(path) = url.strip_prefix("sqlite:").map(|rest| rest.trim_start_matches("//")) else {
        report.not_checked("database.space", "the database is on a server: look there");
        return;
    };
    let path = Path::new(path);
    if let Ok(about) = fs::metadata(path) {
        let what =
            format!("{}, {} MiB, mode {:03o}", path.display(), about.len() / MIB, mode(&about));
        match about.permissions().mode() & 0o007 {
            0 => report.ok("database.file", what),
            _ => report.warn(
                "database.file",
                what,
                &format!("others can read it: chmod 600 {}, or close its folder", path.display()),
            ),
        }
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    space(report, "database.space", folder);
}

pub(super) fn space(report: &mut Report, name: &str, folder: &Path) {
    match statvfs(folder) {
        Ok(about) => {
            let free = about.blocks_available().saturating_mul(about.fragment_size());
            let what = format!("{} MiB free at {}", free / MIB, folder.display());
            let to_do = "make room: a full disk stops every sale that needs the hub";
            match free {
                ..SPACE_BAD => report.bad(name, what, to_do),
                SPACE_BAD..SPACE_WARN => report.warn(name, what, to_do),
                _ => report.ok(name, what),
            }
        }
        Err(error) => report.not_checked(name, format!("{}: {error}", folder.display())),
    }
}

pub(super) fn backups(report: &mut Report, folder: &Path, now: Timestamp) {
    let newest = fs::read_dir(folder).map(|entries| {
        // What was cut off, or found broken, is none.
        let whole = |path: &Path| path.extension().is_none_or(|e| e != "partial" && e != "broken");
        let entries = entries.filter_map(Result::ok).filter(|entry| whole(&entry.path()));
        let files = entries.filter_map(|entry| entry.metadata().ok());
        files.filter(Metadata::is_file).filter_map(|about| about.modified().ok()).max()
    });
    match newest {
        Err(error) => {
            let what = format!("{}: {error}", folder.display());
            report.bad("backups", what, "name the folder of backups, or make one");
        }
        Ok(None) => {
            let what = format!("none in {}", folder.display());
            report.bad("backups", what, "see docs/operations: how backups are made");
        }
        Ok(Some(newest)) => {
            let since = newest.duration_since(UNIX_EPOCH).unwrap_or_default();
            let newest = Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
            let what = format!("the newest was made {}", ago(newest, now));
            let to_do = "see why none was made since";
            match now.ms_since(newest) {
                ..BACKUP_LATE_MS => report.ok("backups", what),
                BACKUP_LATE_MS..BACKUP_NONE_MS => report.warn("backups", what, to_do),
                _ => report.bad("backups", what, to_do),
            }
        }
    }
}

pub(super) fn certificate(report: &mut Report, options: &Options, asked: &Asked, now: Timestamp) {
    let Some(paths) = &options.tls else {
        if let Some(mqtt) = options.mqtt_listen.filter(|at| is_plain(*at, false, Proxy::None)) {
            report.bad(
                "tls.mqtt",
                format!("MQTT at {mqtt} is UNENCRYPTED, and other machines can reach it"),
                "--tls-cert and --tls-key; a proxy of HTTP does nothing for MQTT",
            );
        }
        if is_plain(options.listen, false, options.proxy) {
            report.bad(
                "tls",
                format!("{} is served UNENCRYPTED to other machines", options.listen),
                "--tls-cert and --tls-key, or a proxy with TLS in front and --behind-proxy",
            );
        } else if options.proxy == Proxy::Trusted && !options.listen.ip().is_loopback() {
            report.warn(
                "tls",
                format!("a proxy stands in front, and {} is open past it", options.listen),
                "let the firewall take only the proxy's connections, or listen on 127.0.0.1",
            );
        } else {
            report.ok("tls", "none is needed: only this machine, or a proxy on it, can ask");
        }
        return;
    };
    let pair = match files::read(paths) {
        Ok(pair) => pair,
        Err(error) => {
            report.bad("tls", error.to_string(), "mend that; a running hub keeps the pair before");
            return;
        }
    };
    let says = &pair.certificate;
    report.ok("tls", format!("for {}; certificate and key fit", says.names.join(" ")));
    ending(report, says, now);
    let host = options.public_url.as_deref().and_then(host_of);
    let Some(name) = host.and_then(|host| ServerName::try_from(host.to_owned()).ok()) else {
        report.not_checked("tls.chain", "say --public-url, the name that browsers and stores use");
        return;
    };
    let own = asked.hub_ca.as_deref();
    let verdict = roots::roots(own).map_err(|error| format!("{error:#}")).and_then(|roots| {
        let verifier = WebPkiServerVerifier::builder(Arc::new(roots)).build();
        let verifier = verifier.map_err(|error| error.to_string())?;
        let (first, rest) = pair.key.cert.split_first().ok_or("no certificate")?;
        let at = u64::try_from(now.0 / 1_000_000).unwrap_or_default();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
        let verified = verifier.verify_server_cert(first, rest, &name, &[], at);
        verified.map(drop).map_err(|error| error.to_string())
    });
    match verdict {
        Ok(()) => report.ok("tls.chain", format!("leads to a known root, for {}", name.to_str())),
        Err(why) => report.bad(
            "tls.chain",
            format!("nobody would believe it: {why} (signed by {})", says.issuer),
            "the file holds the hub's certificate, then those up to the root; with a root of your \
             own say --hub-ca here and in the stores",
        ),
    }
}

fn ending(report: &mut Report, says: &Certificate, now: Timestamp) {
    let left_ms = says.ends.ms_since(now);
    let what = format!("until {}", says.ends);
    let to_do = "renew it and put it in the same place; the hub takes it by itself";
    match left_ms {
        ..=0 => report.bad("tls.end", format!("it ended: {what}"), to_do),
        1..ENDS_SOON_MS => report.warn("tls.end", what, to_do),
        _ if says.begins > now => report.bad(
            "tls.end",
            format!("good only from {}", says.begins),
            "is this machine's clock right?",
        ),
        _ => report.ok("tls.end", what),
    }
}

/// The host of an address, without port.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next(),
        None => authority.split(':').next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_cut_out_of_addresses() {
        for (url, host) in [
            ("https://hub.example/x", "hub.example"),
            ("https://hub.example:8443", "hub.example"),
            ("https://[::1]:8443/", "::1"),
        ] {
            assert_eq!(host_of(url), Some(host));
        }
        assert_eq!(host_of("hub.example"), None);
    }
}
