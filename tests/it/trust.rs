//! Whose files root obeys: only those that nobody else could write.

use crate::run::{NOTE, NOTE_RULE};
use crate::world::{World, skipped};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

/// A world with a good policy; nothing where the tests do not run as root.
fn roots_world() -> Option<World> {
    if !rustix::process::geteuid().is_root() {
        skipped("only root can be asked to obey the files of others");
        return None;
    }
    let world = World::new();
    world.write("site/wtor.toml", "[[source]]\nname = 'a'\nfile = '../logs/a.log'");
    world.write("site/rules/sub/note.toml", NOTE_RULE).write("site/jobs/note.toml", NOTE).write("logs/a.log", "");
    Some(world)
}

const CONFIG: [&str; 2] = ["--config", "site/wtor.toml"];
const RUN: [&str; 4] = ["run", CONFIG[0], CONFIG[1], "--until-idle"];
const CHECK: [&str; 3] = ["check", CONFIG[0], CONFIG[1]];

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode");
}

/// Both the start and the check refuse it, with these words.
#[track_caller]
fn is_refused(world: &World, says: &[&str]) {
    world.wtor(&CHECK).code(1).says(&["WTR052E", "the policy cannot be used"]).says(says);
    world.wtor(&RUN).code(1).says(&["WTR052E", "nothing is in force"]).says(says);
}

#[track_caller]
fn is_obeyed(world: &World) {
    world.wtor(&CHECK).code(0);
}

#[test]
fn root_obeys_nothing_that_others_could_write() {
    let Some(world) = roots_world() else { return };
    is_obeyed(&world);
    for name in ["site/wtor.toml", "site/rules/sub/note.toml", "site/jobs/note.toml", "site/rules", "site/jobs", "site"]
    {
        let path = world.path(name);
        let usual = fs::metadata(&path).expect("there").permissions();
        let mode = usual.mode() & 0o777;
        // The group of root is root; a checkout with umask 002 is root's own.
        chmod(&path, mode | 0o020);
        is_obeyed(&world);
        chmod(&path, mode | 0o002);
        is_refused(&world, &[&format!("{name}: error WTR052E"), "anybody", &format!("(mode {:04o})", mode | 0o002)]);
        chmod(&path, mode | 0o020);
        chown(&path, None, Some(1)).expect("its group");
        is_refused(&world, &[&format!("{name}: error WTR052E"), "group 1", "chmod g-w"]);
        chmod(&path, mode);
        is_obeyed(&world);
        chown(&path, Some(1), Some(0)).expect("its owner");
        is_refused(&world, &[&format!("{name}: error WTR052E"), "belongs to user 1", "chown root"]);
        chown(&path, Some(0), None).expect("its owner");
    }
    is_obeyed(&world);
}

#[test]
fn nobody_can_put_something_else_into_the_place_of_what_root_obeys() {
    let Some(world) = roots_world() else { return };
    let top = world.path("");
    // Where anybody may write, what is root's stays only if the directory is sticky, and root's.
    chmod(&top, 0o1777);
    is_obeyed(&world);
    chmod(&top, 0o777);
    is_refused(&world, &["anybody"]);
    chmod(&top, 0o1777);
    chown(&top, Some(1), None).expect("its owner");
    is_refused(&world, &["belongs to user 1"]);
    chown(&top, Some(0), None).expect("its owner");
    // A directory of rules is no place for the files of others, sticky or not.
    chmod(&world.path("site/rules/sub"), 0o1777);
    is_refused(&world, &["site/rules/sub: error WTR052E", "(mode 1777)"]);
    chmod(&world.path("site/rules/sub"), 0o755);
    chmod(&top, 0o700);
    // A link is as good as the way to it, and the way to where it leads.
    fs::create_dir(world.path("real")).expect("a folder");
    fs::rename(world.path("site/rules"), world.path("real/rules")).expect("moved");
    symlink("../real/rules", world.path("site/rules")).expect("a link");
    is_obeyed(&world);
    chmod(&world.path("real"), 0o777);
    is_refused(&world, &["/real: error WTR052E", "anybody"]);
    chmod(&world.path("real"), 0o755);
    std::os::unix::fs::lchown(world.path("site/rules"), Some(1), None).expect("its owner");
    is_refused(&world, &["/site/rules: error WTR052E", "belongs to user 1"]);
}

#[test]
fn an_access_list_that_lets_others_write_is_seen() {
    let Some(world) = roots_world() else { return };
    let path = world.path("site/jobs/note.toml");
    // Version 2; owner rw, user 1 rw, group r, mask rw, others r: as `setfacl -m u:1:rw` writes it.
    let nobody = u32::MAX;
    let entries = [(1_u16, 6_u16, nobody), (2, 6, 1), (4, 4, nobody), (16, 6, nobody), (32, 4, nobody)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, allows, whom) in entries {
        list.extend([tag.to_le_bytes(), allows.to_le_bytes()].concat());
        list.extend(whom.to_le_bytes());
    }
    let flags = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(&path, "system.posix_acl_access", &list, flags).is_err() {
        return skipped("this file system has no access lists");
    }
    is_refused(&world, &["site/jobs/note.toml: error WTR052E", "access list", "(mode 0664)", "setfacl -b"]);
}

#[test]
fn a_reload_is_refused_like_a_start() {
    let Some(world) = roots_world() else { return };
    let agent = world.start(&CONFIG);
    chmod(&world.path("site/jobs/note.toml"), 0o666);
    let said = world.wtor(&["reload", CONFIG[0], CONFIG[1]]).code(1);
    said.says(&["site/jobs/note.toml: error WTR052E", "(mode 0666)", "the running policy stays in force"]);
    agent.until_said("WTR311E", 1);
    chmod(&world.path("site/jobs/note.toml"), 0o644);
    world.wtor(&["reload", CONFIG[0], CONFIG[1]]).code(0);
    assert_eq!(agent.stop(), Some(0));
}
