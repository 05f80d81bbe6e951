//! The modules of the book's crate, and who imports whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::{Item, UseTree};
use timing::workspace::workspace;

/// For each module that lies in the folder of the crate itself, those that it
/// or a module below it imports.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    let src = workspace().join("book/src");
    collect(&src, None, &mut files);
    let names: BTreeSet<_> =
        files.iter().map(|(module, _)| module.clone()).collect();
    let mut imports = BTreeMap::<_, BTreeSet<_>>::new();
    for (module, source) in files {
        let file = syn::parse_file(&source).expect("Rust");
        let known = imports.entry(module.clone()).or_default();
        for item in file.items {
            if let Item::Use(item) = item
                && let UseTree::Path(path) = item.tree
                && path.ident == "crate"
            {
                first_names(&path.tree, known);
            }
        }
        known.retain(|name| *name != module && names.contains(name));
    }
    imports
}

/// The files below `folder`, each with the module of the crate that it belongs
/// to.
fn collect(
    folder: &Path,
    module: Option<&str>,
    files: &mut Vec<(String, String)>,
) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let module = module.unwrap_or(&name);
        if path.is_dir() {
            collect(&path, Some(module), files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let source = fs::read_to_string(&path).expect("a text");
            files.push((module.to_owned(), source));
        }
    }
}

/// `a` and `b` of `{a, b::c}`.
fn first_names(tree: &UseTree, names: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => _ = names.insert(path.ident.to_string()),
        UseTree::Name(name) => _ = names.insert(name.ident.to_string()),
        UseTree::Rename(name) => _ = names.insert(name.ident.to_string()),
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| first_names(tree, names));
        }
        UseTree::Glob(_) => {}
    }
}

/// Takes away, again and again, what imports nothing that is left. Who is left
/// in the end is in a circle, or imports one that is.
fn in_a_circle(
    mut imports: BTreeMap<String, BTreeSet<String>>,
) -> BTreeMap<String, BTreeSet<String>> {
    loop {
        let free: Vec<_> = imports
            .iter()
            .filter(|(_, imported)| imported.is_empty())
            .map(|(module, _)| module.clone())
            .collect();
        if free.is_empty() {
            return imports;
        }
        for module in free {
            imports.remove(&module);
            for imported in imports.values_mut() {
                imported.remove(&module);
            }
        }
    }
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let imports = imports();
    let known = imports["directive"].contains("html");
    assert!(known, "directive imports html: {imports:?}");
    let circle = in_a_circle(imports);
    assert!(circle.is_empty(), "a circle, and who imports it: {circle:#?}");
}

#[test]
fn a_circle_is_found() {
    let pair = |module: &str, imported: &str| {
        (module.to_owned(), BTreeSet::from([imported.to_owned()]))
    };
    let mut imports =
        BTreeMap::from([pair("a", "b"), pair("b", "c"), pair("c", "a")]);
    imports.insert("d".to_owned(), BTreeSet::new());
    let circle: Vec<_> = in_a_circle(imports).into_keys().collect();
    assert_eq!(circle, ["a", "b", "c"]);
}
