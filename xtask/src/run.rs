//! Runs a command: in the open for a person, or into a log with a limit for a test leg.
//! It must not know what the command is for. A logged command has a process group of its own,
//! so that a limit or Ctrl-C ends all that it started.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::stop;

const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_secs(10);

/// Runs with the terminal's own input and output and fails when the command does.
pub(crate) fn in_the_open(command: &mut Command) -> Result<()> {
    let status = status_in_the_open(command)?;
    stop::fail_if_asked()?;
    if !status.success() {
        bail!("{} failed ({status})", shown(command));
    }
    Ok(())
}

pub(crate) fn status_in_the_open(command: &mut Command) -> Result<ExitStatus> {
    stop::fail_if_asked()?;
    let mut child = command.spawn().with_context(|| format!("cannot start {}", shown(command)))?;
    let _listed = stop::list(child.id().to_string());
    child.wait().with_context(|| format!("cannot wait for {}", shown(command)))
}

/// Runs in silence and gives back what the command printed on its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let answer = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    if !answer.status.success() {
        let complaint = String::from_utf8_lossy(&answer.stderr);
        bail!("{} failed ({})\n{text}{complaint}", shown(command), answer.status);
    }
    Ok(text)
}

pub(crate) enum Ended {
    Well,
    Badly(String),
}

/// Runs into `log` for at most `limit`; `alive` hears the seconds now and then.
pub(crate) fn into_log(
    command: &mut Command,
    log: &File,
    limit: Duration,
    mut alive: impl FnMut(u64),
) -> Result<Ended> {
    stop::fail_if_asked()?;
    command.stdin(Stdio::null()).process_group(0);
    command.stdout(log.try_clone()?).stderr(log.try_clone()?);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(Ended::Badly(format!("{} cannot start: {error}", shown(command)))),
    };
    let group = format!("-{}", child.id());
    let _listed = stop::list(group.clone());
    let (ended, when_ended) = channel();
    let waiter = std::thread::spawn(move || ended.send(child.wait()));
    let started = Instant::now();
    let mut verdict = None;
    let status = loop {
        let left = limit.saturating_sub(started.elapsed());
        let pause = if verdict.is_some() { GRACE } else { SIGN_OF_LIFE.min(left) };
        match when_ended.recv_timeout(pause) {
            Ok(status) => break status,
            Err(RecvTimeoutError::Disconnected) => bail!("lost {}", shown(command)),
            Err(RecvTimeoutError::Timeout) if verdict.is_some() => stop::send("KILL", &group),
            Err(RecvTimeoutError::Timeout) if started.elapsed() >= limit => {
                verdict = Some(format!("stopped after its limit of {} s", limit.as_secs()));
                stop::send("TERM", &group);
            }
            Err(RecvTimeoutError::Timeout) => alive(started.elapsed().as_secs()),
        }
    };
    let _ = waiter.join();
    // What the command left running would disturb the next leg.
    stop::send("KILL", &group);
    let status = status.with_context(|| format!("cannot wait for {}", shown(command)))?;
    Ok(match verdict {
        Some(verdict) => Ended::Badly(verdict),
        None if status.success() => Ended::Well,
        None => Ended::Badly(format!("{} failed ({status})", shown(command))),
    })
}

pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let mut text = String::from("`");
    for (at, word) in words.enumerate() {
        if at > 0 {
            text.push(' ');
        }
        text.push_str(&word.to_string_lossy());
    }
    text + "`"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, limit: Duration) -> Ended {
        let path = std::env::temp_dir().join(format!("xtask-run-{}", std::process::id()));
        let log = File::create(&path).unwrap();
        let ended = into_log(Command::new("sh").args(["-c", script]), &log, limit, |_| {});
        let _ = std::fs::remove_file(path);
        ended.unwrap()
    }

    #[test]
    fn the_exit_code_decides() {
        assert!(matches!(run("exit 0", Duration::from_secs(60)), Ended::Well));
        assert!(matches!(run("exit 3", Duration::from_secs(60)), Ended::Badly(_)));
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_its_children() {
        let Ended::Badly(why) = run("sh -c 'sleep 600' & wait", Duration::from_millis(50)) else {
            panic!("a limit was ignored");
        };
        assert!(why.contains("limit"), "{why}");
    }
}
