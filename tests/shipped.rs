//! The policy under rules/ and jobs/ is good: nothing to complain of, every sample and story holds, and
//! every rule is proved by lines on which it fires and near misses on which it does not.

use std::path::Path;
use std::sync::Arc;
use wtor::config::Config;
use wtor::diagnostic::render_full;
use wtor::policy::Catalogue;
use wtor::replay::prove;
use wtor::rule::sample::Verdict;

#[test]
fn the_shipped_policy_has_no_mistakes_and_proves_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let loaded =
        wtor::load::policy(&root.join("rules"), &root.join("jobs"), &wtor::action::Site::default()).expect("readable");
    let found = render_full(&loaded.diagnostics);
    assert!(found.is_empty(), "{found}");
    let policy = loaded.policy.expect("no mistakes");
    let policy = Arc::new(policy);
    let review = policy.review(&loaded.rules, &Catalogue::new(&[]), Config::default().journal_keep);
    assert!(review.is_empty(), "{}", render_full(&review));
    let stories = wtor::load::stories(&root.join("rules"));
    assert!(stories.unread.is_empty(), "{}", render_full(&stories.unread));
    let proof = prove(&policy, &stories.files, wtor::rule::Brakes::default(), &|_| true);
    let failed = proof.samples.iter().filter(|(.., verdict)| *verdict != Verdict::Passed);
    let failed: Vec<_> = failed.map(|(rule, _, verdict)| format!("rule {}: {verdict}", rule.name)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    for (name, wrong) in &proof.stories {
        assert!(wrong.is_empty(), "{name}:\n{}", render_full(wrong));
    }
    let unproved = proof.unproved(&loaded.rules);
    assert!(unproved.is_empty(), "{}", render_full(&unproved));
}
