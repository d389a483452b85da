//! What stands in docs/operations and packaging/ is what the programs take: every command line,
//! every variable of an environment, every metric, and what keeps a service in its bounds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Command, CommandFactory};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// All files below a folder with this ending.
fn below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path, ending));
        } else if path.extension().is_some_and(|it| it == ending) {
            found.push(path);
        }
    }
    found
}

fn program(name: &str) -> Command {
    match name {
        "hub" => oneshelf_hub::cli::command(),
        _ => oneshelf_pos_agent::cli::Cli::command(),
    }
}

fn is_program(word: &str) -> bool {
    word == "hub" || word == "pos-agent"
}

/// Words as a shell splits them; quotes keep them together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quote, mut open) = (vec![String::new()], None, false);
    for character in line.chars() {
        match quote {
            Some(end) if character == end => quote = None,
            None if character == '"' || character == '\'' => {
                (quote, open) = (Some(character), true);
            }
            None if character.is_whitespace() => {
                if open || !words.last().unwrap().is_empty() {
                    words.push(String::new());
                    open = false;
                }
            }
            _ => words.last_mut().unwrap().push(character),
        }
    }
    if !open && words.last().unwrap().is_empty() {
        words.pop();
    }
    words
}

/// The programs' command lines of a page: of its blocks, and of its sentences.
fn commands(page: &str) -> Vec<(Vec<String>, bool)> {
    let mut found = vec![];
    let mut in_block = false;
    for line in page.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            let words = words(line);
            let first = words.first().map_or("", String::as_str);
            if is_program(first) || first == "sudo" {
                let at = words.iter().position(|word| is_program(word));
                found.extend(at.map(|at| (words[at..].to_vec(), true)));
            }
        } else {
            for code in line.split('`').skip(1).step_by(2) {
                let words = words(code);
                if words.len() > 1 && is_program(&words[0]) {
                    found.push((words, false));
                }
            }
        }
    }
    found
}

fn pages() -> Vec<(String, String)> {
    let folder = root().join("docs/operations");
    let named = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    below(&folder, "md")
        .into_iter()
        .map(named)
        .chain([("README".into(), read("README.md"))])
        .collect()
}

#[test]
fn every_command_of_the_pages_is_one_that_the_programs_take() {
    let mut count = 0;
    for (page, text) in pages() {
        for (words, in_block) in commands(&text) {
            count += 1;
            let Err(error) = program(&words[0]).try_get_matches_from(&words) else { continue };
            // What is only named may lack what it must be told; its words must be right.
            let named = !in_block || !words.iter().any(|word| word.starts_with("--"));
            let lacks = matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                    | ErrorKind::MissingSubcommand
            );
            assert!(named && lacks, "{page}: {words:?}\n{error}");
        }
    }
    assert!(count > 30, "{count} commands were found");
}

/// The environment's names that a program takes, with those of its subcommands.
fn variables(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(|a| a.get_env());
    let mut names: BTreeSet<String> = own.map(|n| n.to_string_lossy().into_owned()).collect();
    for below in command.get_subcommands() {
        names.extend(variables(below));
    }
    names
}

fn looks_like_a_variable(word: &str) -> bool {
    ["HUB_", "POS_AGENT_"].iter().any(|p| word.len() > p.len() && word.starts_with(p))
        && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

#[test]
fn every_variable_that_is_named_is_read() {
    let known: BTreeSet<String> =
        ["hub", "pos-agent"].iter().flat_map(|name| variables(&program(name))).collect();
    let mut texts = pages();
    for folder in ["packaging/systemd", "packaging/etc"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            texts.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    let mut count = 0;
    for (place, text) in texts {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| looks_like_a_variable(word)) {
            assert!(known.contains(word), "{place}: {word} is read by no program");
            count += 1;
        }
    }
    assert!(count > 30, "{count} variables were found");
}

/// Names of metrics in a text.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("oneshelf_"));
    ours.map(|word| word.trim_end_matches("_sum").trim_end_matches("_count").to_owned()).collect()
}

#[test]
fn every_metric_is_described_and_every_described_one_is_there() {
    let mut recorded = BTreeSet::new();
    for path in below(&root().join("hub/src"), "rs") {
        let text = std::fs::read_to_string(path).unwrap();
        for kind in ["counter!(", "gauge!(", "histogram!("] {
            for rest in text.split(kind).skip(1) {
                let name = rest.trim_start().strip_prefix('"').and_then(|r| r.split('"').next());
                recorded.extend(name.map(str::to_owned));
            }
        }
    }
    let page = read("docs/operations/metrics.md");
    assert_eq!(recorded, metrics(&page), "the page against the sources");
    let rows: BTreeSet<String> =
        page.lines().filter(|l| l.starts_with("| `")).flat_map(metrics).collect();
    assert_eq!(recorded, rows, "each has a row");
}

/// The values of a setting in a unit; later empty ones count as none.
fn settings<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    let prefix = format!("{name}=");
    unit.lines().filter_map(|line| line.strip_prefix(&*prefix)).collect()
}

#[test]
fn units_start_what_the_programs_take_and_keep_it_in_bounds() {
    for (unit, name) in [("oneshelf-hub", "hub"), ("oneshelf-pos-agent", "pos-agent")] {
        let text = read(&format!("packaging/systemd/{unit}.service"));
        let started = settings(&text, "ExecStart");
        let command = words(started[0]);
        assert_eq!(command[0], format!("/usr/bin/{name}"));
        // The variables of the unit and of its example count as given.
        let folder = settings(&text, "Environment");
        let given: Vec<&str> =
            folder.iter().filter_map(|it| it.split_once('=')).map(|it| it.0).collect();
        let program = program(name);
        let serve = program.find_subcommand(&command[1]).unwrap();
        for argument in serve.get_arguments().filter(|it| it.is_required_set()) {
            let variable = argument.get_env().unwrap().to_string_lossy();
            assert!(given.contains(&&*variable), "{unit}: {variable} is not set");
        }
        for (setting, value) in [
            ("Type", "notify"),
            ("Restart", "always"),
            ("StartLimitIntervalSec", "0"),
            ("NoNewPrivileges", "yes"),
            ("CapabilityBoundingSet", ""),
            ("ProtectSystem", "strict"),
            ("ProtectHome", "yes"),
            ("PrivateTmp", "yes"),
            ("MemoryDenyWriteExecute", "yes"),
            ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
            ("SystemCallArchitectures", "native"),
            ("StateDirectory", unit),
            ("StateDirectoryMode", "0700"),
            ("UMask", "0077"),
        ] {
            assert_eq!(settings(&text, setting), [value], "{unit}: {setting}");
        }
        // A user of its own, that sysusers.d makes with the folder of its state.
        let user = settings(&text, "User")[0];
        assert!(!["root", ""].contains(&user));
        let users = read("packaging/sysusers.d/oneshelf.conf");
        let made = users.lines().find(|line| line.starts_with(&format!("u {user} "))).unwrap();
        assert!(made.ends_with(&format!("/var/lib/{unit}")), "{made}");
        assert!(given.iter().all(|variable| looks_like_a_variable(variable)));
        assert!(folder.iter().all(|it| it.contains(&format!("/var/lib/{unit}"))), "{folder:?}");
    }
    let hub = read("packaging/systemd/oneshelf-hub.service");
    let descriptors: usize = settings(&hub, "LimitNOFILE")[0].parse().unwrap();
    assert!(descriptors >= oneshelf_domain::limits::LIVE_SOCKETS_MAX + 2_000);
    assert_eq!(settings(&hub, "PrivateDevices"), ["yes"]);
    assert!(settings(&hub, "ExecReload")[0].contains("-HUP"));
    let agent = read("packaging/systemd/oneshelf-pos-agent.service");
    assert_eq!(settings(&agent, "DevicePolicy"), ["closed"]);
    assert!(settings(&agent, "SupplementaryGroups")[0].contains("dialout"));
    assert!(settings(&agent, "PrivateDevices").is_empty(), "it needs its printer and scanner");
}

#[test]
fn words_are_split_as_a_shell_does() {
    assert_eq!(words("hub x --name \"A b\" '*' ''"), ["hub", "x", "--name", "A b", "*", ""]);
    assert_eq!(words("  "), Vec::<String>::new());
}
