//! The policy under rules/ and jobs/ is good: nothing to complain of, and every rule proved by
//! samples that fire and samples that do not.

use std::path::Path;

#[test]
fn the_shipped_policy_has_no_mistakes_and_proves_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let loaded = wtor::load::policy(&root.join("rules"), &root.join("jobs")).expect("readable");
    let found = wtor::diagnostic::render_full(&loaded.diagnostics);
    assert!(found.is_empty(), "{found}");
    let policy = loaded.policy.expect("no mistakes");
    for rule in &policy.rules {
        assert!(rule.samples.iter().any(|s| s.fires), "rule {} has no sample that fires", rule.name);
        assert!(rule.samples.iter().any(|s| !s.fires), "rule {} has no near miss", rule.name);
    }
}
