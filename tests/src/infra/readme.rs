//! Every command of README.md, run on the test stack. A command that would start or stop a stack, or build something, is only checked:
//! `make -n` prints what a target would do, and fails if there is no such target.
//!
//! A README command that can be neither run nor checked fails the test, so none is left out.

use std::collections::HashSet;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;
use yard::Project;

use crate::support::{TestStack, new_cart, new_user_id};

const README: &str = include_str!("../../../README.md");

/// The time limit of one command; long enough for a busy machine with two cores.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(3);

/// What a command of the README begins with.
const PROGRAMS: [&str; 3] = ["yard", ".local/bin/yard", "make"];

/// What `yard` does with a stack without starting or stopping it.
const RUN_SUBCOMMANDS: [&str; 11] =
    ["preflight", "seed", "order", "trace", "status", "dlq", "review", "revenue", "tax", "email", "invoke"];

/// What `yard` does with a local cloud, with the tools of this repository, or with the order of the test: only `--help` is run.
const CHECKED_SUBCOMMANDS: [&str; 7] = ["up", "down", "tools", "cleanup", "protection", "cancel", "replay"];

/// The targets that only call the test stack. Of any other target, only `make -n` is run.
const RUN_TARGETS: [&str; 1] = ["invoke"];

/// A fenced block, such as "console".
struct CodeBlock<'a> {
    language: &'a str,
    lines: Vec<&'a str>,
}

impl CodeBlock<'_> {
    /// In a console block a command follows `$ `, and the other lines are output. In a shell script every line is a command.
    fn commands(&self) -> Vec<String> {
        let lines = self.lines.iter().map(|line| line.trim_start());
        match self.language {
            "console" => lines.filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect(),
            "sh" | "bash" | "shell" => lines.filter(|line| !line.is_empty()).map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }
}

/// The commands of a Markdown text: those of its code blocks, the cells of its table columns named "command", and code in the
/// text that is one of [`PROGRAMS`] with arguments. Each command once.
fn find_commands(markdown: &str) -> Vec<String> {
    let (blocks, text) = split_blocks(markdown);
    let mut commands: Vec<String> = blocks.iter().flat_map(CodeBlock::commands).collect();
    commands.extend(table_commands(&text));
    commands.extend(code_spans(&text.join("\n")).into_iter().filter(|code| is_command(code)));
    let mut seen = HashSet::new();
    commands.retain(|command| seen.insert(command.clone()));
    commands
}

/// The fenced blocks, and the lines outside of them.
fn split_blocks(markdown: &str) -> (Vec<CodeBlock<'_>>, Vec<&str>) {
    let (mut blocks, mut text) = (Vec::new(), Vec::new());
    let mut open: Option<CodeBlock> = None;
    for line in markdown.lines() {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, open.take()) {
            (Some(language), None) => open = Some(CodeBlock { language: language.trim(), lines: Vec::new() }),
            (Some(_), Some(block)) => blocks.push(block),
            (None, None) => text.push(line),
            (None, Some(mut block)) => {
                block.lines.push(line);
                open = Some(block);
            }
        }
    }
    assert!(open.is_none(), "a code block has no end");
    (blocks, text)
}

/// The code in the columns named "command". A cell without code counts as a command, too, so that it is not left out.
fn table_commands(text: &[&str]) -> Vec<String> {
    let mut commands = Vec::new();
    for table in text.split(|line| !line.starts_with('|')).filter(|table| !table.is_empty()) {
        let Some(column) = table_cells(table[0]).iter().position(|cell| *cell == "command") else {
            continue;
        };
        // The second line separates the headings from the rows.
        for row in &table[2..] {
            let cell = table_cells(row)[column];
            let codes = code_spans(cell);
            commands.extend(if codes.is_empty() { vec![cell.to_owned()] } else { codes });
        }
    }
    commands
}

fn table_cells(row: &str) -> Vec<&str> {
    row.trim().trim_matches('|').split('|').map(str::trim).collect()
}

fn code_spans(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(|code| code.replace('\n', " ")).collect()
}

fn is_command(code: &str) -> bool {
    code.split_once(' ').is_some_and(|(program, _)| PROGRAMS.contains(&program))
}

/// The program and arguments that test a command of the README, or why there are none. No shell is involved, so a command cannot
/// continue with another one that is not checked here.
fn test_command(command: &str, order_id: &str) -> Result<Vec<String>, String> {
    let command = command.split(" #").next().unwrap_or_default().replace("ord_…", order_id);
    if command.contains(['…', '"', '\'']) {
        return Err("it has quotes, or a placeholder other than ord_…".into());
    }
    let words: Vec<&str> = command.split_whitespace().collect();
    if words.iter().any(|word| word.starts_with("--aws") || word.starts_with("--instance")) {
        return Err("it is for another stack than that of the tests".into());
    }
    let tested = match words.as_slice() {
        // They decide about a flagged order, and the order of this test is not flagged.
        [program @ "yard", "review", decision @ ("confirm" | "reject"), ..] => {
            vec![program, "review", decision, "--help"]
        }
        ["yard" | ".local/bin/yard", subcommand, ..] if RUN_SUBCOMMANDS.contains(subcommand) => words,
        [program @ ("yard" | ".local/bin/yard"), subcommand, ..] if CHECKED_SUBCOMMANDS.contains(subcommand) => {
            vec![program, subcommand, "--help"]
        }
        ["make", target, variables @ ..] if RUN_TARGETS.contains(target) && are_assignments(variables) => words,
        ["make", arguments @ ..] if !arguments.is_empty() => [&["make", "-n"], arguments].concat(),
        _ => return Err("the test does not know how to run or to check it".into()),
    };
    Ok(tested.into_iter().map(str::to_owned).collect())
}

fn are_assignments(words: &[&str]) -> bool {
    words.iter().all(|word| word.contains('='))
}

/// Runs a command in the root of the repository, on the instance of the tests. `yard up` has put this build's `yard` into `.local/bin`.
async fn run(command: &[String]) -> Output {
    let project = Project::find().unwrap();
    let program = if command[0] == "make" { "make".into() } else { project.path(".local/bin/yard") };
    let instance = std::env::var("SWITCHYARD_INSTANCE").unwrap_or_else(|_| "test".into());
    let mut process = Command::new(program);
    process.args(&command[1..]).current_dir(project.path("")).stdin(Stdio::null()).kill_on_drop(true);
    process.env("SWITCHYARD_INSTANCE", instance);
    // `make test` hands its own options to every make below it.
    process.env_remove("MAKEFLAGS").env_remove("MFLAGS").env_remove("MAKELEVEL");
    let output = timeout(COMMAND_TIMEOUT, process.output()).await;
    let output = output.unwrap_or_else(|_| panic!("timeout after {} s: {command:?}", COMMAND_TIMEOUT.as_secs()));
    output.unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"))
}

#[tokio::test]
async fn every_readme_command_exits_with_code_0() {
    // Exclusively, since `yard order --count` places orders of the whole catalog.
    let stack = TestStack::exclusive().await;
    let order_id = stack.place_order(&new_cart(&new_user_id(), &[("MUG-CAMP-350", 1)])).await;
    stack.wait_until_applied(&order_id).await;
    let mut failures = Vec::new();
    for command in find_commands(README) {
        match test_command(&command, &order_id) {
            Err(reason) => failures.push(format!("{command}\n{reason}")),
            Ok(tested) => {
                let Output { status, stdout, stderr } = run(&tested).await;
                let printed = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
                if !status.success() {
                    failures.push(format!("{command}\n{tested:?}: {status}\n{printed}"));
                }
            }
        }
    }
    stack.wait_until_idle().await;
    assert!(failures.is_empty(), "commands of README.md:\n\n{}", failures.join("\n\n"));
}

#[test]
fn readme_commands_are_found_in_blocks_tables_and_text() {
    let markdown = "Run `make up` or\n`make soak\nSEED=1`; `yard` and `Effects` are no commands.\n\n\
        ```console\n$ make test   # slow\nprinted\n```\n\n   ```rust\n   let x = \"$ no\";\n   ```\n```sh\nmake lint\n```\n\n\
        | task | command |\n|---|---|\n| follow | `yard trace ord_… --wait 30` (waits) |\n| drink | tea |\n\n\
        | status | meaning |\n|---|---|\n| 202 | `order_id` |\n\nAgain `make up`.\n";
    let expected =
        ["make test   # slow", "make lint", "yard trace ord_… --wait 30", "tea", "make up", "make soak SEED=1"];
    assert_eq!(find_commands(markdown), expected);
}

#[test]
fn readme_itself_has_commands_of_every_kind() {
    let commands = find_commands(README);
    for prefix in ["make up", "make deploy", ".local/bin/yard order --sku", "yard trace ord_…", "make invoke FN="] {
        assert!(commands.iter().any(|command| command.starts_with(prefix)), "{prefix}: {commands:?}");
    }
    let unknown: Vec<_> = commands.iter().filter(|command| test_command(command, "ord_1").is_err()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn readme_command_is_run_checked_or_refused() {
    let check = |command: &str, expected: Option<&str>| {
        let tested = test_command(command, "ord_1").ok().map(|words| words.join(" "));
        assert_eq!(tested.as_deref(), expected, "{command}");
    };
    check("yard trace ord_… --wait 30", Some("yard trace ord_1 --wait 30"));
    check(".local/bin/yard order --count 20", Some(".local/bin/yard order --count 20"));
    check("make invoke FN=tax EVENT=a.json", Some("make invoke FN=tax EVENT=a.json"));
    check("make invoke FN=tax down", Some("make -n invoke FN=tax down"));
    check("make deploy  # arm64; or another", Some("make -n deploy"));
    check("make soak ORDERS=300 SEED=1", Some("make -n soak ORDERS=300 SEED=1"));
    check("make up && make down", Some("make -n up && make down"));
    check("yard down", Some("yard down --help"));
    check("yard review list", Some("yard review list"));
    check("yard review reject ord_… --reason odd", Some("yard review reject --help"));
    check("yard trace evt_…", None);
    check("yard status --aws", None);
    check("yard --aws seed", None);
    check("yard status --instance main", None);
    check("yard dance", None);
    check("yard", None);
    check("make", None);
    check("rm -r .local", None);
}
