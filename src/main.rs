//! The program: everything is in the library.

fn main() -> std::process::ExitCode {
    wtor::cli::main()
}
