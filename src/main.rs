//! The `taxiway` program: exit code only; everything else is in the library.

fn main() -> std::process::ExitCode {
    taxiway::cli::main()
}
