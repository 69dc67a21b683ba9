//! Files of rules and jobs -> policy, or every mistake in them. All or nothing: a rulebook with one
//! error gives no policy. Reading the files is the caller's work.
//!
//! Layer: core

use super::Policy;
use super::{check, reach};
use crate::diagnostic::{Diagnostic, has_errors, id};
use crate::document::Document;
use crate::job::{self, Job};
use crate::rule::{Rule, decode as rule_decode};
use crate::span::Fingerprint;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The jobs that the files hold, by name; none for a job with a mistake in it.
pub(super) type Jobs = BTreeMap<Arc<str>, Option<Job>>;

impl Policy {
    /// Reads a policy from files, each with its name as the user knows it and its text. The order of
    /// the rules is the order of the files. None if there is an error; warnings leave it usable.
    #[must_use]
    pub fn load(rule_files: &[(String, String)], job_files: &[(String, String)]) -> (Option<Policy>, Vec<Diagnostic>) {
        let job_docs: Vec<Document<'_>> = job_files.iter().map(|(name, text)| Document::parse(name, text)).collect();
        let rule_docs: Vec<Document<'_>> = rule_files.iter().map(|(name, text)| Document::parse(name, text)).collect();
        let jobs = read_jobs(&job_docs);
        let decoded: Vec<(&Document<'_>, rule_decode::Decoded)> = rule_docs
            .iter()
            .flat_map(|doc| rule_decode::decode(doc).into_iter().map(move |rule| (doc, rule)))
            .collect();
        check::names(&decoded);
        check::runs(&decoded, &jobs, job_files);
        check::samples(&decoded);
        check::hidden(&decoded);
        reach::hand_overs(&decoded);
        reach::handed(&decoded);
        reach::situations(&decoded);
        reach::loops(&decoded);
        let mut rules: Vec<Rule> = decoded.into_iter().filter_map(|(_, decoded)| decoded.rule).collect();
        let mut patterns = HashMap::new();
        rules.iter_mut().for_each(|rule| rule.when.share_patterns(&mut patterns));
        let diagnostics: Vec<Diagnostic> = rule_docs.into_iter().chain(job_docs).flat_map(Document::finish).collect();
        if has_errors(&diagnostics) {
            return (None, diagnostics);
        }
        let jobs = jobs.into_iter().filter_map(|(name, job)| Some((name, job?))).collect();
        (Some(Policy::new(rules, jobs, hash(rule_files, job_files))), diagnostics)
    }
}

fn read_jobs<'d>(docs: &'d [Document<'d>]) -> Jobs {
    let mut jobs = Jobs::new();
    let mut first: BTreeMap<&str, &Document<'_>> = BTreeMap::new();
    for doc in docs {
        let job = job::decode::decode(doc);
        let name = job::decode::job_name(doc.file().name());
        match first.get(name) {
            None => {
                first.insert(name, doc);
                jobs.insert(name.into(), job.filter(|_| !doc.is_broken()));
            }
            Some(other) => {
                let mistake = doc.mistake(id::JOB_TWICE, &(0..0), &format!("a second file holds the job `{name}`"));
                let also = other.file().spot(&(0..0)).labelled("the first one");
                doc.note(&(0..0), mistake.also(also));
            }
        }
    }
    jobs
}

/// Twelve hex digits by which a policy is known, of all names and texts.
fn hash(rule_files: &[(String, String)], job_files: &[(String, String)]) -> String {
    let mut hash = Fingerprint::default();
    let mut add = |bytes: &[u8]| {
        // The length first, so that no two lists of texts run together to the same bytes.
        hash.add(&(bytes.len() as u64).to_le_bytes());
        hash.add(bytes);
    };
    for files in [rule_files, job_files] {
        add(&(files.len() as u64).to_le_bytes());
        for (name, text) in files {
            add(name.as_bytes());
            add(text.as_bytes());
        }
    }
    hash.digits().to_string()
}
