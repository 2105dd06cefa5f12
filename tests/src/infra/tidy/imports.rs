//! Which file of a crate imports from which, read from the syntax tree.
//!
//! Re-exports are followed to the file that defines the item, and are no imports themselves: else a table of contents such as
//! `lib.rs` would be in a cycle with every file. Code under `#[cfg(test)]` is left out.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

use super::repository::CrateFiles;

type ModulePath = Vec<String>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub from: ModulePath,
    pub to: ModulePath,
}

pub fn edges(files: &CrateFiles) -> Vec<Edge> {
    let parsed: BTreeMap<_, _> = files.iter().map(|(module, file)| (module, parse(&file.text, &file.path))).collect();
    let reexports = parsed.iter().map(|(module, file)| ((*module).clone(), reexports(file))).collect();
    let resolver = Resolver { files, reexports };
    let mut edges = BTreeSet::new();
    for (module, file) in &parsed {
        let mut paths = Paths::default();
        paths.visit_file(file);
        for path in paths.found {
            if let Some(to) = resolver.resolve(module, &path, 0).filter(|to| to != *module) {
                edges.insert(Edge { from: (*module).clone(), to });
            }
        }
    }
    edges.into_iter().collect()
}

/// Each group of files that import each other, directly or through others.
pub fn cycles(edges: &[Edge]) -> Vec<String> {
    let mut reachable: BTreeMap<&ModulePath, BTreeSet<&ModulePath>> = BTreeMap::new();
    for edge in edges {
        reachable.entry(&edge.from).or_default().insert(&edge.to);
    }
    loop {
        let next: BTreeMap<_, BTreeSet<_>> = reachable
            .iter()
            .map(|(from, to)| {
                (*from, to.iter().chain(to.iter().filter_map(|to| reachable.get(to)).flatten()).copied().collect())
            })
            .collect();
        if next == reachable {
            break;
        }
        reachable = next;
    }
    let in_cycle = |edge: &&Edge| reachable.get(&edge.to).is_some_and(|to| to.contains(&edge.from));
    let describe = |edge: &Edge| format!("cycle: {} imports {}", edge.from.join("/"), edge.to.join("/"));
    edges.iter().filter(in_cycle).map(describe).collect()
}

fn parse(text: &str, path: &str) -> syn::File {
    syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The items that a module re-exports: name and path as written.
fn reexports(file: &syn::File) -> BTreeMap<String, ModulePath> {
    let uses = file.items.iter().filter_map(|item| match item {
        Item::Use(item) if is_reexport(item) => Some(item),
        _ => None,
    });
    let paths = uses.flat_map(|item| flatten(&item.tree));
    paths.filter_map(|(path, name)| Some((name?, path))).collect()
}

fn is_reexport(item: &ItemUse) -> bool {
    !matches!(item.vis, Visibility::Inherited)
}

/// The paths of a `use` tree, each with the name that it introduces; none for a glob.
fn flatten(tree: &UseTree) -> Vec<(ModulePath, Option<String>)> {
    match tree {
        UseTree::Path(path) => {
            let head = path.ident.to_string();
            let tails = flatten(&path.tree).into_iter();
            tails.map(|(tail, name)| ([vec![head.clone()], tail].concat(), name)).collect()
        }
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], Some(name.ident.to_string()))],
        UseTree::Rename(rename) => vec![(vec![rename.ident.to_string()], Some(rename.rename.to_string()))],
        UseTree::Glob(_) => vec![(Vec::new(), None)],
        UseTree::Group(group) => group.items.iter().flat_map(flatten).collect(),
    }
}

/// All paths in a file, of `use` items and in the code.
#[derive(Default)]
struct Paths {
    found: Vec<ModulePath>,
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_reexport(item) {
            self.found.extend(flatten(&item.tree).into_iter().map(|(path, _)| path));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            self.found.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether an attribute is `#[cfg(test)]`, `#[cfg(any(test, …))]` or the like.
fn is_test_only(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string().starts_with("test"),
        _ => false,
    };
    attributes.iter().any(is_test)
}

struct Resolver<'a> {
    files: &'a CrateFiles,
    reexports: BTreeMap<ModulePath, BTreeMap<String, ModulePath>>,
}

impl Resolver<'_> {
    /// The file that a path leads to, seen from a module; none if it leads out of the crate.
    fn resolve(&self, module: &ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        let (mut base, mut rest) = self.base(module, path)?;
        while let Some(child) = rest.first().map(|name| [base.clone(), vec![name.clone()]].concat()) {
            if !self.files.contains_key(&child) {
                break;
            }
            base = child;
            rest = &rest[1..];
        }
        let reexport = rest.first().and_then(|name| self.reexports.get(&base)?.get(name));
        match reexport {
            // A re-export of another crate's item belongs to the file that has it.
            Some(path) if depth < 10 => Some(self.resolve(&base, path, depth + 1).unwrap_or(base)),
            _ => Some(base),
        }
    }

    /// Where a path starts, and what is left of it.
    fn base<'p>(&self, module: &ModulePath, path: &'p [String]) -> Option<(ModulePath, &'p [String])> {
        let first = path.first()?;
        match first.as_str() {
            "crate" => Some((Vec::new(), &path[1..])),
            "self" => Some((module.clone(), &path[1..])),
            "super" => {
                let ups = path.iter().take_while(|name| *name == "super").count();
                Some((module[..module.len().checked_sub(ups)?].to_vec(), &path[ups..]))
            }
            name => {
                let child = [module.clone(), vec![name.to_owned()]].concat();
                self.files.contains_key(&child).then(|| (module.clone(), path))
            }
        }
    }
}
