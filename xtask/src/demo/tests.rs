//! The order of the demo's first and second start, with programs that only say what they were
//! asked. The real programs are started by `cargo xtask demo --exit-after-ready`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

/// Answers everything with an enrolment code.
fn answering_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                if let Some(number) = line.strip_prefix("Content-Length: ") {
                    length = number.trim().parse().unwrap();
                }
                line.clear();
            }
            reader.read_exact(&mut vec![0; length]).unwrap();
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n{\"code\":\"AAAA-BBBB\"}").unwrap();
        }
    });
    base
}

/// A program that notes its command line, says `line` and stays. A shell writes it: a file that
/// this process had open for writing could still be held by a child of another test.
fn program(tree: &Tree, name: &str, line: &str) {
    let script = format!(
        "#!/bin/sh\necho \"{name} $*\" >> \"{calls}\"\ncase \"$1\" in\n\
         setup) echo 'admin secret: osa_1' ;;\nenrol) ;;\n\
         *) echo '{line}'; exec sleep 600 ;;\nesac\n",
        calls = tree.root.join("calls").display(),
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"printf %s "$1" > "$0" && chmod +x "$0""#]);
    run::output(shell.arg(tree.program(name, false)).arg(script)).unwrap();
}

fn tree_of_fakes(root: PathBuf) -> Tree {
    fs::create_dir_all(root.join("target/debug")).unwrap();
    let tree = Tree { target: root.join("target"), root, shared: None };
    let base = answering_server();
    program(&tree, "hub", &format!("hub listening on {base} admin {base}"));
    program(&tree, "pos-agent", &format!("pos-agent listening on {base}"));
    let devices = format!(r#"{{"printer":"tcp://p","scanner":"/dev/s","hub":"{base}"}}"#);
    let stores = format!(r#"{{"S07":{devices},"S02":{devices}}}"#);
    let said = format!(r#"{{"bench":"{base}/","catalogue":"things","stores":{stores}}}"#);
    program(&tree, "demo-world", &said);
    tree
}

/// Starts and stops the demo once; the first two words of each command line that was seen.
fn start_once(tree: &Tree, demo: &Path) -> Vec<String> {
    let mut folder = Folder::open_at(demo.to_path_buf()).unwrap();
    let mut children = Children::new(tree, false, &folder.logs());
    let places = open_shop(tree, &mut folder, &mut children).unwrap();
    places.check().unwrap();
    children.stop();
    let calls = fs::read_to_string(tree.root.join("calls")).unwrap();
    fs::remove_file(tree.root.join("calls")).unwrap();
    let first_two = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    calls.lines().map(first_two).collect()
}

#[test]
fn a_first_start_sets_up_and_enrols_and_a_second_one_only_serves() {
    let root = std::env::temp_dir().join(format!("xtask-demo-order-{}", std::process::id()));
    let tree = tree_of_fakes(root.clone());
    let demo = root.join("demo");
    let served = ["hub serve", "demo-world --hub", "pos-agent serve", "pos-agent serve"];
    let first = start_once(&tree, &demo);
    let expected = [
        "hub setup",
        "hub serve",
        "demo-world --hub",
        "pos-agent enrol",
        "pos-agent serve",
        "pos-agent enrol",
        "pos-agent serve",
    ];
    assert_eq!(first, expected);
    assert_eq!(start_once(&tree, &demo), served);
    let credentials = fs::read_to_string(demo.join("credentials.txt")).unwrap();
    assert!(credentials.contains("admin secret: osa_1") && credentials.contains("PIN of ana"));
    fs::remove_dir_all(root).unwrap();
}
