//! The ids of all diagnostics: one mistake, one id. Each has its entry in docs/messages.md and a
//! file in tests/policy/bad that makes it; a test compares the three.
//!
//! Layer: core

/// The file is not TOML.
pub const SYNTAX: &str = "WTR001E";
/// A key is written twice.
pub const KEY_TWICE: &str = "WTR002E";
/// A file that is not UTF-8.
pub const NOT_UTF8: &str = "WTR003E";
/// A file or directory that cannot be read.
pub const UNREADABLE: &str = "WTR004E";

/// A key that means nothing here.
pub const UNKNOWN_KEY: &str = "WTR010E";
/// A number where a list belongs, and the like.
pub const WRONG_TYPE: &str = "WTR011E";
/// A key that must be there is not.
pub const MISSING_KEY: &str = "WTR012E";
/// A word that is not one of those allowed.
pub const UNKNOWN_WORD: &str = "WTR013E";
/// A number outside its bounds.
pub const OUT_OF_RANGE: &str = "WTR014E";
/// A duration that does not read.
pub const DURATION: &str = "WTR015E";
/// A size that does not read.
pub const SIZE: &str = "WTR016E";
/// Nothing where something is needed.
pub const EMPTY: &str = "WTR017E";
/// Keys that exclude one another, or none of several of which one must be there.
pub const ONE_OF: &str = "WTR018E";
/// A name with characters that names cannot have.
pub const BAD_NAME: &str = "WTR019E";

/// Two rules have one name.
pub const RULE_TWICE: &str = "WTR020E";
/// A rule runs a job that does not exist.
pub const UNKNOWN_JOB: &str = "WTR021E";
/// A rule gives a value to a parameter that the job does not have.
pub const UNKNOWN_PARAM: &str = "WTR022E";
/// A rule gives no value to a parameter that needs one.
pub const MISSING_PARAM: &str = "WTR023E";
/// A template uses a name that stands for nothing.
pub const UNKNOWN_VALUE: &str = "WTR024E";
/// A template that does not parse.
pub const TEMPLATE: &str = "WTR025E";
/// A condition that every record would meet.
pub const EMPTY_CONDITION: &str = "WTR026E";
/// A capture with a name that templates cannot use.
pub const CAPTURE_NAME: &str = "WTR027E";
/// A rule that nothing proves.
pub const NO_SAMPLE: &str = "WTR028W";
/// A rule that an earlier final rule hides.
pub const HIDDEN: &str = "WTR029W";
/// A rule that nothing begins.
pub const NEVER_BEGINS: &str = "WTR030W";
/// A pattern that does not parse.
pub const PATTERN: &str = "WTR031E";
/// A pattern that compiles to too much.
pub const PATTERN_SIZE: &str = "WTR032E";
/// A time of day that does not read.
pub const HOURS: &str = "WTR033E";
/// A schedule that does not read, or never comes.
pub const CRON: &str = "WTR034E";
/// A date that does not read.
pub const DATE: &str = "WTR035E";
/// A rule hands over to a rule that does not exist.
pub const UNKNOWN_RULE: &str = "WTR036E";
/// Rules that hand over to one another in a circle.
pub const HAND_OVER_CYCLE: &str = "WTR037E";
/// A situation that is asked for and that no rule sets.
pub const NEVER_SET: &str = "WTR038W";
/// A rule that is triggered by what it causes.
pub const LOOP: &str = "WTR039W";

/// Two jobs have one name.
pub const JOB_TWICE: &str = "WTR040E";
/// A value in a shell line where it could become shell syntax.
pub const SHELL_PLACE: &str = "WTR041E";
/// A PARM that JCL would not take.
pub const PARM_LENGTH: &str = "WTR042W";
/// Quotes in a line that knows none.
pub const PGM_QUOTES: &str = "WTR043W";
/// A `$NAME` that nobody expands.
pub const NOT_EXPANDED: &str = "WTR044W";
/// A step condition that does not parse.
pub const STEP_CONDITION: &str = "WTR045E";
/// A step condition about a step that does not exist or comes later.
pub const UNKNOWN_STEP: &str = "WTR046E";
/// Two steps have one name.
pub const STEP_TWICE: &str = "WTR047E";
/// AND and OR without parentheses.
pub const MIXED_AND_OR: &str = "WTR048W";
/// A highest good code that BPXBATCH never gives.
pub const MAX_CC: &str = "WTR049W";
/// Text from a log where a program or directory is named.
pub const LOG_TEXT: &str = "WTR050E";
/// A program that wtor.toml does not allow.
pub const NOT_ALLOWED: &str = "WTR051E";
/// A file or directory of the policy that others may write, where root would obey it.
pub const OPEN_TO_OTHERS: &str = "WTR052E";
/// A web address that does not do.
pub const URL: &str = "WTR053E";
/// A mail address that does not read.
pub const MAIL_ADDRESS: &str = "WTR054E";
/// A header that a request cannot be given.
pub const HEADER: &str = "WTR055E";
/// A mail, and no server to hand it in at.
pub const NO_MAIL: &str = "WTR056W";

/// Two sources have one name.
pub const SOURCE_TWICE: &str = "WTR060E";
/// An address that does not read.
pub const ADDRESS: &str = "WTR061E";
/// A file pattern that does not parse.
pub const FILE_PATTERN: &str = "WTR062E";
/// An option of one format with another.
pub const FORMAT_OPTION: &str = "WTR063E";

/// A key for something that the rule does not ask for.
pub const IDLE_KEY: &str = "WTR064E";
/// Two sources read one file.
pub const FILE_TWICE: &str = "WTR065E";
/// A pattern that covers the copies of a log.
pub const COPY_COVERED: &str = "WTR066W";
/// A word that a condition asks for and no record has.
pub const NEVER_MET: &str = "WTR067W";

/// A line of a story that does not read.
pub const STORY: &str = "WTR070E";
/// A story names a rule or job that does not exist.
pub const STORY_NAME: &str = "WTR071E";
/// A story goes otherwise than it says.
pub const STORY_GOES: &str = "WTR072E";
/// A rule that no line proves to match, or to spare a near miss.
pub const UNPROVED: &str = "WTR073W";

/// Two rules run one job for the same record.
pub const OVERLAP: &str = "WTR080W";
/// An id that no catalogue has.
pub const UNKNOWN_ID: &str = "WTR081I";
/// A window that is longer than the journal's memory.
pub const OUTLASTS: &str = "WTR082W";
/// A rule that runs a job for any line with the right words.
pub const TRUSTS_TEXT: &str = "WTR083W";
/// A part of a rule that can never have an effect.
pub const NO_EFFECT: &str = "WTR084W";
/// Two rules run different jobs for the same record.
pub const BOTH_RUN: &str = "WTR085I";
/// A rule that runs a job which writes an id that the rule matches.
pub const ANSWERS_ITSELF: &str = "WTR086W";
