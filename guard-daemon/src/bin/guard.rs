//! The command line. Decides nothing: see `guard::cli`.

fn main() -> std::process::ExitCode {
    guard::cli::main(std::env::args_os())
}
