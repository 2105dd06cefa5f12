//! The folders of a crate from top to bottom; a file imports only from its own folder and from lower ones.

use super::imports::Edge;

/// One layer: the first part of a module's path. Modules in one layer may import each other.
type Layer = &'static [&'static str];

/// The crate's folder and its layers, highest first. Modules that are not listed are not checked.
pub const LAYERED_CRATES: [(&str, &[Layer]); 2] = [
    (
        "functions/chassis",
        &[
            &["conformance"],
            &["runtime"],
            &["delivery"],
            &["telemetry"],
            &["handler"],
            &["commit"],
            &["sqs"],
            &["dynamodb"],
            &["outcome", "env", "failure", "clock", "backoff", "panics", "aws_error"],
        ],
    ),
    ("infra/yard", &[&["cli"], &["commands"], &["local"], &["stack"], &["aws"], &["terminal"]]),
];

pub fn violations(edges: &[Edge], layers: &[Layer]) -> Vec<String> {
    let level = |module: &[String]| {
        let folder = module.first()?;
        layers.iter().position(|layer| layer.contains(&folder.as_str()))
    };
    let leads_up = |edge: &&Edge| matches!((level(&edge.from), level(&edge.to)), (Some(from), Some(to)) if to < from);
    let describe = |edge: &Edge| format!("{} imports {}, a higher layer", edge.from.join("/"), edge.to.join("/"));
    edges.iter().filter(leads_up).map(describe).collect()
}
