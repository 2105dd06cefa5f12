//! What `make deploy` and its companions would call, as `make -n` prints it. The first of these programs that runs calls AWS.

use std::process::Command;

use crate::infra::makefile::Step::{Cleanup, Preflight, Protection, Sam, Seed};

/// A program that `make` starts on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Cleanup,
    Preflight,
    Sam,
    /// Its line also calls sam, if the tables are not protected.
    Protection,
    Seed,
}

/// The lines of `make -n` that call AWS, without the path of the repository.
fn aws_calls(arguments: &[&str], environment: &[(&str, &str)]) -> Vec<(Step, String)> {
    let mut make = Command::new("make");
    make.arg("-n").args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for name in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "AWS_REGION", "AWS_DEFAULT_REGION", "CARGO_TARGET_DIR"] {
        make.env_remove(name);
    }
    let output = make.envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let step = |line: &str| {
        let known = [
            ("yard --aws cleanup", Cleanup),
            ("yard --aws preflight", Preflight),
            ("yard --aws protection", Protection),
        ];
        let known = known.into_iter().chain([("sam deploy", Sam), ("yard --aws seed", Seed)]);
        known.into_iter().find_map(|(text, step)| line.contains(text).then_some(step))
    };
    printed.lines().filter_map(|line| Some((step(line)?, line.trim_end().to_owned()))).collect()
}

fn steps(calls: &[(Step, String)]) -> Vec<Step> {
    calls.iter().map(|(step, _)| *step).collect()
}

#[test]
fn deploy_cleans_up_and_checks_before_sam() {
    assert_eq!(steps(&aws_calls(&["deploy"], &[])), [Cleanup, Preflight, Sam, Protection]);
    assert_eq!(steps(&aws_calls(&["deploy", "CATALOG=demo"], &[])), [Cleanup, Preflight, Sam, Protection, Seed]);
    assert_eq!(steps(&aws_calls(&["seed-aws"], &[])), [Seed]);
}

#[test]
fn deploy_params_reach_preflight_and_sam() {
    let calls =
        aws_calls(&["deploy", "ARCH=x86_64", "PARAMS=SenderAddress=a@b.example JwtIssuer=https://id/?a&b"], &[]);
    let preflight = "target/debug/yard --aws preflight --parameter Architecture=x86_64 \
        --parameter 'SenderAddress=a@b.example' --parameter 'JwtIssuer=https://id/?a&b'";
    assert_eq!(calls[1].1, preflight);
    let sam = "--parameter-overrides Architecture=x86_64 'SenderAddress=a@b.example' 'JwtIssuer=https://id/?a&b'";
    assert!(calls[2].1.ends_with(sam), "{}", calls[2].1);
}

#[test]
fn deploy_protects_tables_after_the_first_deployment() {
    let calls = aws_calls(&["deploy", "ARCH=x86_64", "PARAMS=SenderAddress=a@b.example"], &[]);
    let [_, _, (Sam, first), (Protection, then)] = calls.as_slice() else { panic!("{calls:#?}") };
    assert!(!first.contains("DeletionProtection"), "{first}");
    let (check, deploy) = then.split_once(" || ").expect("a second deployment only if the tables are not protected");
    assert_eq!(check.trim(), "target/debug/yard --aws protection");
    assert!(deploy.ends_with("--parameter-overrides Architecture=x86_64 DeletionProtection=true"), "{deploy}");
    // The operator who sets the parameter has decided.
    let decided = aws_calls(&["deploy", "PARAMS=DeletionProtection=false"], &[]);
    assert_eq!(steps(&decided), [Cleanup, Preflight, Sam]);
}

#[test]
fn one_region_is_set_for_sam_and_yard() {
    let both = "AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 ";
    let targets = [&["deploy", "CATALOG=demo"][..], &["deploy-extras"], &["seed-aws"]];
    for target in targets {
        for environment in [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-1")] {
            let calls = aws_calls(target, &[environment]);
            assert!(!calls.is_empty() && calls.iter().all(|(_, line)| line.starts_with(both)), "{calls:#?}");
        }
        let given = aws_calls(&[target, &["REGION=eu-west-1"]].concat(), &[("AWS_REGION", "us-east-1")]);
        assert!(given.iter().all(|(_, line)| line.starts_with(both)), "{given:#?}");
        assert!(aws_calls(target, &[]).iter().all(|(_, line)| !line.contains("REGION=")));
    }
}

#[test]
fn deploy_extras_uses_a_stack_of_its_own() {
    let calls = aws_calls(&["deploy-extras", "PARAMS=AlarmTopic=arn:aws:sns:topic"], &[]);
    let [(Sam, line)] = calls.as_slice() else { panic!("{calls:#?}") };
    assert!(line.contains("--template-file infra/aws-only.yaml --stack-name switchyard-extras"), "{line}");
    assert!(line.ends_with("--parameter-overrides 'AlarmTopic=arn:aws:sns:topic'"), "{line}");
}
