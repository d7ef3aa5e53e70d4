//! `guardd`: the daemon. See `guardd --help`.

fn main() -> std::process::ExitCode {
    guard::app::main()
}
