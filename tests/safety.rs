//! docs/safety.md names a test for every promise and every hazard, and each of them exists.

use std::fs;
use std::path::PathBuf;

#[test]
fn every_hazard_names_tests_that_exist() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/safety.md")).expect("docs/safety.md");
    let mut findings = Vec::new();
    let mut hazards = 0;
    for (number, row) in page.lines().enumerate() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        // Rows of the two tables with three columns; not their heads.
        let [_, what, guard, tests, _] = cells[..] else { continue };
        if what.starts_with("---") || ["promise", "hazard"].contains(&what) {
            continue;
        }
        hazards += 1;
        let names: Vec<&str> = tests.split('`').filter(|name| name.contains("::")).collect();
        if guard.is_empty() || names.is_empty() {
            findings.push(format!("docs/safety.md:{}: no guard or no test: {what}", number + 1));
        }
        for name in names {
            let (file, test) = name.split_once("::").unwrap_or_default();
            let text = fs::read_to_string(root.join(file)).unwrap_or_default();
            if !text.contains(&format!("fn {test}()")) {
                findings.push(format!("docs/safety.md:{}: there is no test `{name}`", number + 1));
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    assert!(hazards > 20, "{hazards} hazards");
}
