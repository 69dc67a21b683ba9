//! What wtor is built from: every crate comes from the registry with a checksum, has a licence that may be used,
//! and is none that has been ruled out. Nothing is asked of any network.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Licences that ask for no more than their text.
const LICENCES: [&str; 11] = [
    "0BSD",
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unlicense",
    "CC0-1.0",
    "Unicode-3.0",
];

/// Crates that do not come in, and why.
const BANNED: [(&str, &str); 4] = [
    ("openssl-sys", "a library of the system that is hard to keep in step"),
    ("native-tls", "it brings openssl-sys"),
    ("libloading", "nothing is loaded at run time"),
    ("serde_yaml", "it is not maintained any more"),
];

/// Crates that are there in two versions because others have not moved on yet. `ring` keeps the older getrandom and,
/// for Windows, windows-sys.
const TWICE: [&str; 5] = ["foldhash", "getrandom", "hashbrown", "syn", "windows-sys"];

fn packages() -> Vec<Value> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--locked", "--offline", "--format-version", "1", "--manifest-path"]).arg(manifest);
    let output = cargo.output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let all = metadata["packages"].as_array().expect("packages").clone();
    all.into_iter().filter(|package| package["name"] != env!("CARGO_PKG_NAME")).collect()
}

fn word<'v>(package: &'v Value, key: &str) -> &'v str {
    package[key].as_str().unwrap_or_default()
}

/// `(A OR B) AND C`, with a slash for OR in older crates: one alternative of each part may be used.
fn may_be_used(licence: &str) -> bool {
    let part = |part: &str| {
        let part = part.trim_matches(['(', ')', ' ']).replace('/', " OR ");
        part.split(" OR ").any(|one| LICENCES.contains(&one.trim()))
    };
    !licence.is_empty() && licence.split(" AND ").all(part)
}

#[test]
fn every_licence_may_be_used() {
    let bad = |package: &Value| !may_be_used(word(package, "license"));
    let bad: Vec<String> =
        packages().iter().filter(|p| bad(p)).map(|p| format!("{}: {}", p["name"], p["license"])).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(may_be_used("(MIT OR GPL-3.0) AND Unicode-3.0") && !may_be_used("MIT AND GPL-3.0") && !may_be_used(""));
}

#[test]
fn every_crate_comes_from_the_registry_with_a_checksum() {
    for package in packages() {
        assert_eq!(
            word(&package, "source"),
            "registry+https://github.com/rust-lang/crates.io-index",
            "{}",
            package["name"]
        );
    }
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).expect("Cargo.lock");
    let unsealed = lock.split("[[package]]").skip(1).filter(|package| !package.contains("checksum = "));
    assert_eq!(unsealed.count(), 1, "only wtor itself has none");
}

#[test]
fn no_crate_is_banned_and_none_comes_twice_unseen() {
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    for package in packages() {
        let name = word(&package, "name");
        let ban = BANNED.iter().find(|(banned, _)| *banned == name);
        assert!(ban.is_none(), "{name}: {}", ban.map_or("", |(_, why)| why));
        *versions.entry(name.to_owned()).or_default() += 1;
    }
    let twice = versions.iter().filter(|(name, count)| **count > 1 && !TWICE.contains(&name.as_str()));
    let twice: Vec<_> = twice.map(|(name, _)| name).collect();
    assert!(twice.is_empty(), "in more than one version, and not meant: {twice:?}");
}
