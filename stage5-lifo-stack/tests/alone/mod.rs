//! Tests in processes of their own: what they do to a process is nobody
//! else's business, and nobody has left stacks behind.

use std::env;
use std::process::Command;

/// Runs a test in a process of its own, in which this returns true.
#[track_caller]
pub fn is_alone(name: &str) -> bool {
    if env::var_os("ALONE").is_some() {
        return true;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env("ALONE", "yes")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (printed, errors) = (text(&output.stdout), text(&output.stderr));
    let ran = printed.contains("1 passed");
    let status = output.status;
    assert!(ran && status.success(), "{status}\n{printed}\n{errors}");
    false
}
