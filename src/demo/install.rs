//! The pinned Open Liberty: found in the cache, or fetched once with `mvn`.
//! Layer: shell
//!
//! The install is shared and read-only; every server has a user directory of
//! its own. Two processes that want it at once wait for each other at a lock
//! file, and a finished install appears by one rename, so nobody ever sees half
//! of one.

use crate::span::fingerprint;
use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The pinned release: the newest one that Maven Central served when it was chosen.
pub const VERSION: &str = "26.0.0.3";

/// `openliberty-runtime`, because the smaller web profile zips are not published
/// for current releases, and the kernel alone has no servlet feature.
const ARTIFACT: &str = "io.openliberty:openliberty-runtime";
const SHA256: &str = "bf394f83897a5aa4d0564604637e934c8f64b9fcb06a8dfcec2a49feed951778";
const SIZE_MB: u32 = 352;
const MAVEN_GOAL: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";
const APP_SOURCE: &str = include_str!("app/SlowApp.java");
/// A sign of life on the progress stream, so that a slow fetch does not look stuck.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);

/// An unpacked Open Liberty and the compiled demo application.
#[derive(Debug, Clone)]
pub struct Install {
    wlp: PathBuf,
    app_classes: PathBuf,
}

impl Install {
    /// Finds the cached install, or makes it; says on `progress` what it does.
    ///
    /// # Errors
    /// When a tool is missing, the fetch fails, or the zip is not the pinned one.
    pub fn ensure(progress: &mut dyn Write) -> io::Result<Install> {
        let cache = cache_directory()?;
        fs::create_dir_all(&cache)?;
        let lock = File::create(cache.join("liberty.lock"))?;
        if lock.try_lock().is_err() {
            writeln!(progress, "another process makes the Open Liberty install; waiting for it")?;
            lock.lock()?;
        }
        let home = cache.join(format!("liberty-{VERSION}"));
        if !home.join("wlp/bin/tools/ws-server.jar").is_file() {
            check_tools()?;
            fetch(&cache, &home, progress)?;
        }
        let wlp = home.join("wlp");
        let app_classes = ensure_app(&cache, &wlp, progress)?;
        Ok(Install { wlp, app_classes })
    }

    /// The root of the install, where `bin/server` is.
    #[must_use]
    pub fn wlp(&self) -> &Path {
        &self.wlp
    }

    /// The `server` script.
    #[must_use]
    pub fn server_script(&self) -> PathBuf {
        self.wlp.join("bin/server")
    }

    /// Puts the demo application into `apps/` as the expanded directory `NAME.war`.
    ///
    /// # Errors
    /// When a directory or file cannot be written.
    pub fn copy_app(&self, apps: &Path, name: &str) -> io::Result<()> {
        let classes = apps.join(format!("{name}.war/WEB-INF/classes"));
        copy_tree(&self.app_classes, &classes)
    }
}

/// The tools that a first run needs and that are not on the PATH.
#[must_use]
pub fn missing_tools() -> Vec<&'static str> {
    let answers = |tool: &str| {
        let mut command = Command::new(tool);
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok()
    };
    ["mvn", "java", "javac", "jar"].into_iter().filter(|tool| !answers(tool)).collect()
}

fn check_tools() -> io::Result<()> {
    let missing = missing_tools();
    if missing.is_empty() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("Open Liberty needs {}; on Debian: apt-get install default-jdk-headless maven", missing.join(", ")),
    ))
}

fn cache_directory() -> io::Result<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("wtor"))
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "neither XDG_CACHE_HOME nor HOME is set"))
}

/// Fetches, verifies and unpacks beside the final place, then renames. The lock is held.
fn fetch(cache: &Path, home: &Path, progress: &mut dyn Write) -> io::Result<()> {
    let staging = cache.join(format!("liberty-{VERSION}.partial"));
    remove_if_there(&staging)?;
    remove_if_there(home)?;
    fs::create_dir_all(&staging)?;

    writeln!(progress, "fetching {ARTIFACT}:{VERSION} ({SIZE_MB} MB, once) with mvn")?;
    let mut maven = Command::new("mvn");
    maven
        .args(["-B", "-q", "-U", MAVEN_GOAL])
        .arg(format!("-Dartifact={ARTIFACT}:{VERSION}:zip"))
        .arg(format!("-DoutputDirectory={}", staging.display()))
        .arg("-Dmdep.stripVersion=true");
    run("mvn", &mut maven, progress)?;

    let zip = staging.join("openliberty-runtime.zip");
    verify(&zip)?;
    writeln!(progress, "unpacking into {}", home.display())?;
    run("jar", Command::new("jar").arg("-xf").arg(&zip).current_dir(&staging), progress)?;
    fs::remove_file(&zip)?;
    make_executable(&staging.join("wlp/bin"))?;
    fs::rename(&staging, home)
}

/// Compiles the application; the cache key is its source, so that a change is seen.
fn ensure_app(cache: &Path, wlp: &Path, progress: &mut dyn Write) -> io::Result<PathBuf> {
    let home = cache.join(format!("demo-app-{VERSION}-{}", fingerprint(APP_SOURCE)));
    let classes = home.join("classes");
    if classes.is_dir() {
        return Ok(classes);
    }
    check_tools()?;
    writeln!(progress, "compiling the demo application with javac")?;
    let staging = home.with_extension("partial");
    remove_if_there(&staging)?;
    fs::create_dir_all(&staging)?;
    let source = staging.join("SlowApp.java");
    fs::write(&source, APP_SOURCE)?;
    let mut javac = Command::new("javac");
    javac.arg("-cp").arg(servlet_api(wlp)?).arg("-d").arg(staging.join("classes")).arg(&source);
    run("javac", &mut javac, progress)?;
    remove_if_there(&home)?;
    fs::rename(&staging, &home)?;
    Ok(classes)
}

fn servlet_api(wlp: &Path) -> io::Result<PathBuf> {
    for entry in fs::read_dir(wlp.join("dev/api/spec"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("io.openliberty.jakarta.servlet.6.0_") && name.ends_with(".jar") {
            return Ok(path);
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "this Liberty has no servlet 6.0 interface jar"))
}

fn verify(zip: &Path) -> io::Result<()> {
    let output = Command::new("sha256sum").arg(zip).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.split_whitespace().next().unwrap_or("nothing");
    if found.trim_start_matches('\\') == SHA256 {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} has SHA-256 {found}, expected {SHA256}", zip.display())))
}

/// Runs a tool to its end; its output is shown only when it fails.
fn run(name: &str, command: &mut Command, progress: &mut dyn Write) -> io::Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let output = collect_output(&mut child);
    let started = Instant::now();
    let mut shown = SIGN_OF_LIFE;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() >= shown {
            writeln!(progress, "  {name} is at work, {} s", shown.as_secs())?;
            shown += SIGN_OF_LIFE;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let said = output.join().unwrap_or_default();
    if status.success() {
        return Ok(());
    }
    let last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).take(12).collect();
    Err(io::Error::other(format!("{name} ended with {status}:\n{}", last.join("\n"))))
}

/// Reads both pipes in threads, so that a talkative tool never blocks on a full one.
fn collect_output(child: &mut Child) -> thread::JoinHandle<String> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::spawn(move || {
        let errors = thread::spawn(move || {
            let mut bytes = Vec::new();
            // A read error ends the text early; the exit status still tells the outcome.
            let _ = stderr.map(|mut pipe| pipe.read_to_end(&mut bytes));
            bytes
        });
        let mut bytes = Vec::new();
        let _ = stdout.map(|mut pipe| pipe.read_to_end(&mut bytes));
        bytes.extend(errors.join().unwrap_or_default());
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// `jar` does not restore the execute bits of the scripts.
fn make_executable(bin: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in fs::read_dir(bin)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn remove_if_there(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
