//! The policies of the simulated world: one with everything, and others that lack some of it or say it
//! otherwise. A rule of one name has the same condition in all of them, so that one straight reading of
//! a file says what each of them can match.

use std::sync::{Arc, OnceLock};
use wtor::policy::{Matcher, Policy};

/// One policy and what is compiled of it.
#[derive(Clone, Debug)]
pub struct Variant {
    pub policy: Arc<Policy>,
    pub matcher: Arc<Matcher>,
}

/// Rules that are in every variant: what they match is decided whatever is reloaded when.
pub const STABLE: [&str; 20] = [
    "plain",
    "again",
    "proved",
    "multi",
    "trial",
    "leftover",
    "counts",
    "levels",
    "missing",
    "sequence",
    "gathers",
    "set",
    "paused",
    "early",
    "hands",
    "hands-too",
    "sets",
    "unsets",
    "if-quiet",
    "if-loud",
];
/// Rules that pass over what comes before their wait has begun: not every match is noted.
pub const PASSING: [&str; 1] = ["listed"];
/// Rules that people disable now and then, and what they may be disabled with.
pub const DISABLED: [&str; 10] =
    ["plain", "counts", "levels", "missing", "sequence", "set", "paused", "hands", "handed", "clock"];
/// Rules that ask whether `quiet` is set, and how they want it.
pub const NAMED: [(&str, bool); 2] = [("if-quiet", true), ("if-loud", false)];
/// The rule that counts by levels, and what the highest of them counts.
pub const LEVELS: (&str, usize) = ("levels", 4);
/// The rule that is due by time alone, and how often, in seconds.
pub const CLOCK: (&str, u64) = ("clock", 600);
/// The hour of the day in which the rule `early` is in force.
pub const EARLY: i64 = 0;

const PLAIN: &str = "
[[rule]]
name = 'plain'
when = { id = 'SIM0001I', text = 'number (?<n>\\d+)' }
then = { run = 'plain', with = { n = '${n}' } }
";
const HELD: &str = "
[[rule]]
name = 'held'
when = { id = 'SIM0002I' }
then = [
  { run = 'held' },
  { run = 'plain', with = { n = '1' }, if = 'good', after = '3s' },
  { run = 'again', if = 'failed', mode = 'ask', ask = { within = '20s' } },
  { report = 'held ${text}', if = 'good' },
]
";
const ASKED: &str = "
[[rule]]
name = 'asked'
mode = 'ask'
ask = { within = '30s', otherwise = 'act' }
when = { id = 'SIM0003I' }
then = [{ run = 'again', after = '4s' }, { run = 'plain', with = { n = '2' }, if = 'good', mode = 'act' }]
";
const AGAIN: &str = "
[[rule]]
name = 'again'
when = { id = 'SIM0003I' }
then = { run = 'again' }
";
const PROVED: &str = "
[[rule]]
name = 'proved'
when = { id = 'SIM0004I' }
then = { run = 'held-too', expect = { all = ['SIM0010I', 'SIM0011I'], within = '30s', by = ['job_id'] } }
";
const PROVED_LESS: &str = "
[[rule]]
name = 'proved'
when = { id = 'SIM0004I' }
then = { run = 'held-too', expect = { all = ['SIM0010I'], within = '10s', by = ['job_id'] } }
";
const PROVED_NOT: &str = "
[[rule]]
name = 'proved'
when = { id = 'SIM0004I' }
then = { run = 'held-too' }
";
const REST: &str = "
[[rule]]
name = 'multi'
when = { id = 'SIM0007I', any_line = 'JOBS=(?<n>\\d+)' }
then = { run = 'plain', with = { n = '${n}' } }
[[rule]]
name = 'trial'
mode = 'shadow'
when = { id = ['SIM0001I', 'SIM0007I'] }
then = { run = 'again' }
[[rule]]
name = 'leftover'
when = { kind = 'orphan' }
then = { report = 'nobody said ${text}' }
";
const COMING: &str = "
[[rule]]
name = 'coming'
when = { id = ['SIM0001I', 'SIM0006I'] }
then = { run = 'plain', with = { n = '6' } }
";

const COUNTS: &str = "
[[rule]]
name = 'counts'
when = { id = 'SIM0020I' }
by = 'job_id'
count = { at_least = 3, within = '20s' }
reset_by = { id = 'SIM0023I' }
then = { run = 'plain', with = { n = '20' } }
";
/// The same rule, changed: it knows nothing of what the other one has noted.
const COUNTS_LESS: &str = "
[[rule]]
name = 'counts'
when = { id = 'SIM0020I' }
by = 'job_id'
count = { at_least = 2, within = '10s' }
then = { run = 'plain', with = { n = '20' } }
";
const CORRELATED: &str = "
[[rule]]
name = 'levels'
when = { id = ['SIM0020I', 'SIM0021I'] }
count = [{ level = 'worse', at_least = 4, within = '15s' }, { level = 'bad', at_least = 2, within = '40s' }]
then = { report = '${situation.level} ${situation.count}' }
[[rule]]
name = 'missing'
when = { id = 'SIM0021I' }
by = 'job_id'
unless_followed_by = { id = 'SIM0022I', within = '8s' }
then = { run = 'again' }
[[rule]]
name = 'sequence'
when = { id = 'SIM0020I' }
followed_by = [{ id = 'SIM0021I', within = '15s' }, { id = 'SIM0022I', within = '15s' }]
reset_by = { id = 'SIM0023I' }
then = { run = 'plain', with = { n = '21' } }
otherwise = { report = 'no ${situation.missing}' }
[[rule]]
name = 'gathers'
when = { id = ['SIM0021I', 'SIM0022I'] }
by = 'job_id'
collect = { for = '12s', quiet = '5s' }
then = { report = 'gathered ${situation.count}' }
[[rule]]
name = 'set'
when = { id = ['SIM0020I', 'SIM0021I', 'SIM0022I'] }
all = { of = 'message_id', are = ['SIM0020I', 'SIM0021I', 'SIM0022I'], within = '15s' }
then = { run = 'plain', with = { n = '22' } }
otherwise = { report = 'lacks ${situation.missing}' }
[[rule]]
name = 'listed'
when = { id = ['SIM0020I', 'SIM0021I', 'SIM0022I'] }
all = { of = 'message_id', are = ['SIM0020I', 'SIM0021I', 'SIM0022I'], within = '15s', from = { id = 'SIM0023I' }, or = { id = 'SIM0031I' } }
then = { run = 'plain', with = { n = '24' } }
otherwise = { report = 'lacks ${situation.missing}' }
[[rule]]
name = 'paused'
when = { id = 'SIM0022I' }
by = 'job_id'
once_per = '10s'
then = { run = 'plain', with = { n = '23' } }
[[rule]]
name = 'early'
when = { id = 'SIM0023I' }
during = { hours = '00:00-01:00', zone = 'UTC' }
then = { report = 'early' }
[[rule]]
name = 'clock'
schedule = { every = '10m' }
then = { report = 'ten minutes' }
";

const HANDED: &str = "
[[rule]]
name = 'hands-too'
when = { id = ['SIM0030I', 'SIM0031I'] }
then = { rule = 'handed' }
[[rule]]
name = 'handed'
by = 'job_id'
once_per = '6s'
then = { run = 'plain', with = { n = '31' } }
[[rule]]
name = 'passes'
when = { id = 'SIM0001I', text = 'number (?<n>\\d+)', job_id = 'STC00002' }
then = { rule = 'plain' }
[[rule]]
name = 'sets'
when = { id = 'SIM0032I' }
by = 'job_id'
then = { set = 'quiet', for = '10s' }
[[rule]]
name = 'unsets'
when = { id = 'SIM0033I' }
then = { close = 'quiet' }
[[rule]]
name = 'if-quiet'
when = { id = ['SIM0030I', 'SIM0031I'] }
if_set = 'quiet'
then = { report = 'quiet' }
[[rule]]
name = 'if-loud'
when = { id = ['SIM0031I', 'SIM0033I'] }
if_not_set = 'quiet'
then = { run = 'plain', with = { n = '32' } }
";
const HANDS: &str = "
[[rule]]
name = 'hands'
when = { id = 'SIM0030I' }
then = [
  { rule = 'handed' },
  { run = 'plain', with = { n = '30' } },
  { rule = 'handed', if = 'good', after = '3s' },
  { rule = 'handed', after = '5s', mode = 'ask', ask = { within = '20s' } },
]
";
/// The same rule, which hands nothing over at once.
const HANDS_LATER: &str = "
[[rule]]
name = 'hands'
when = { id = 'SIM0030I' }
then = { rule = 'handed', after = '2s' }
";

const PLAIN_JOB: &str = "
params = { n = { required = true } }
[[step]]
argv = ['plain', '${n}']
";
const HELD_JOB: &str = "
on_doubt = 'hold'
retry = { attempts = 3, delay = '2s' }
[[step]]
argv = ['held']
";
const AGAIN_JOB: &str = "
on_doubt = 'rerun'
retry = { attempts = 2, delay = '5s' }
[[step]]
argv = ['again']
[[step]]
argv = ['and-again']
";
/// As `again`, but what is in doubt waits for a person.
const AGAIN_HELD: &str = "
on_doubt = 'hold'
[[step]]
argv = ['again']
";

/// More attempts than any job here asks for: what a bug makes of it.
pub const ATTEMPTS_MAX: u32 = 3;

/// All variants; the first has every rule and job.
pub fn variants() -> &'static [Variant] {
    static VARIANTS: OnceLock<Vec<Variant>> = OnceLock::new();
    VARIANTS.get_or_init(|| {
        let jobs = |held: Option<&str>, again: &str| {
            let mut jobs = vec![("plain", PLAIN_JOB), ("again", again), ("held-too", HELD_JOB)];
            jobs.extend(held.map(|held| ("held", held)));
            jobs.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect::<Vec<_>>()
        };
        let all = [
            (
                [PLAIN, HELD, AGAIN, PROVED, REST, COMING, ASKED, COUNTS, CORRELATED, HANDS, HANDED].concat(),
                jobs(Some(HELD_JOB), AGAIN_JOB),
            ),
            ([CORRELATED, HANDED, HANDS, COUNTS, PLAIN, AGAIN, PROVED, REST].concat(), jobs(None, AGAIN_JOB)),
            (
                [COMING, REST, COUNTS_LESS, PROVED_LESS, CORRELATED, HANDS_LATER, HANDED, AGAIN, PLAIN, HELD].concat(),
                jobs(Some(PLAIN_LIKE), AGAIN_HELD),
            ),
            (
                [PROVED_NOT, HANDS, ASKED, COUNTS, AGAIN, PLAIN, REST, COMING, CORRELATED, HANDED].concat(),
                jobs(None, AGAIN_JOB),
            ),
        ];
        all.into_iter().map(|(rules, jobs)| variant(&rules, &jobs)).collect()
    })
}

/// The job `held` without retry.
const PLAIN_LIKE: &str = "
[[step]]
argv = ['held']
";

fn variant(rules: &str, jobs: &[(String, String)]) -> Variant {
    let jobs: Vec<_> = jobs.iter().map(|(name, text)| (format!("jobs/{name}.toml"), text.clone())).collect();
    let (policy, mistakes) = Policy::load(&[("rules.toml".into(), rules.into())], &jobs);
    let policy = Arc::new(policy.unwrap_or_else(|| panic!("{mistakes:?}")));
    Variant { matcher: Arc::new(Matcher::new(policy.clone())), policy }
}

/// The first variant with jobs that are tried without end.
pub fn tireless(variant: &Variant) -> Variant {
    let mut jobs = variant.policy.jobs.clone();
    for job in jobs.values_mut() {
        job.retry.attempts = 1_000;
    }
    let policy = Arc::new(Policy::new(variant.policy.rules.clone(), jobs, variant.policy.hash.clone()));
    Variant { matcher: Arc::new(Matcher::new(policy.clone())), policy }
}

/// A variant in which every job says rerun.
pub fn reckless(variant: &Variant) -> Variant {
    let mut jobs = variant.policy.jobs.clone();
    for job in jobs.values_mut() {
        job.on_doubt = wtor::job::OnDoubt::Rerun;
    }
    let policy = Arc::new(Policy::new(variant.policy.rules.clone(), jobs, variant.policy.hash.clone()));
    Variant { matcher: Arc::new(Matcher::new(policy.clone())), policy }
}
