//! The pages' types: made from the hub's OpenAPI document, and compared with those in the tree.
//! It must not know a single type. The hub and the npm test tools must have been built before.

use std::fs;

use anyhow::{Context, Result};

use crate::tree::Tree;
use crate::{run, web};

const FILE: &str = "web/src/shared/api/hub.d.ts";
const TOOLS: &str = "tests/e2e";

/// Builds what it needs and writes the file of the tree.
pub(crate) fn write(tree: &Tree) -> Result<()> {
    web::install(tree, TOOLS)?;
    let mut cargo = tree.command("cargo");
    run::in_the_open(cargo.args(["build", "--package", "oneshelf-hub"]))?;
    fs::write(tree.root.join(FILE), make(tree)?).with_context(|| format!("cannot write {FILE}"))?;
    println!("wrote {FILE}");
    Ok(())
}

/// One problem when the tree's file is not what the document says.
pub(crate) fn differences(tree: &Tree) -> Result<Vec<String>> {
    let found = fs::read_to_string(tree.root.join(FILE)).unwrap_or_default();
    let wanted = make(tree)?;
    let same = found == wanted;
    let line = found.lines().zip(wanted.lines()).position(|(old, new)| old != new);
    let place = line.map_or_else(String::new, |line| format!(":{}", line + 1));
    let problem =
        format!("{FILE}{place}: not what the OpenAPI document says (cargo xtask types writes it)");
    Ok(if same { Vec::new() } else { vec![problem] })
}

fn make(tree: &Tree) -> Result<String> {
    let document = run::output(tree.command(tree.program("hub", false)).arg("openapi"))?;
    let file = tree.target.join("openapi.json");
    fs::write(&file, document).context("cannot keep the OpenAPI document")?;
    let tool = tree.root.join(TOOLS).join("node_modules/.bin/openapi-typescript");
    run::output(tree.command(tool).arg(file))
}
