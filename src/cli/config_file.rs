//! `--config FILE.toml`: the flags of a verb, by the same names, from a file.
//!
//! What was typed wins over the environment, the environment over the file, the file over the defaults.
//! The file's settings become arguments, so that clap checks them as if they had been typed.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command};
use toml::{Table, Value};

use super::failure::Failure;
use super::usage;

/// A setting as it is in force, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) source: &'static str,
}

/// Arguments with a file's settings put in, and which those are.
pub(super) struct Extended {
    pub(super) arguments: Vec<OsString>,
    from_file: Vec<String>,
    file: Option<PathBuf>,
}

impl Extended {
    /// `arguments` of the program, whose verb was read as `matches`, with the settings of its `--config`.
    pub(super) fn new(
        arguments: Vec<OsString>,
        verb: &Command,
        matches: &ArgMatches,
    ) -> Result<Self, Failure> {
        let file = matches.get_one::<PathBuf>("config").cloned();
        let Some(path) = &file else {
            return Ok(Self { arguments, from_file: Vec::new(), file });
        };
        let table = read(path)?;
        let mut inserted = Vec::new();
        let mut from_file = Vec::new();
        for (name, value) in &table {
            let argument = verb
                .get_arguments()
                .find(|known| {
                    known.get_long() == Some(name) && !TYPED_ONLY.contains(&name.as_str())
                })
                .ok_or_else(|| unknown(path, name, verb))?;
            let source = matches.value_source(argument.get_id().as_str());
            let given = as_arguments(name, argument.get_action(), value)
                .map_err(|told| wrong(path, &told))?;
            if !matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable)) {
                inserted.extend(given);
                from_file.push(name.clone());
            }
        }
        // Behind the verb; before what was typed.
        let name = verb.get_name();
        // The first is the program's own name, which may be anything.
        let mut known = arguments.iter().enumerate().skip(1);
        let at = known.find(|(_, argument)| argument.as_os_str() == name).map(|(at, _)| at);
        let at = at.map_or(arguments.len(), |at| at.saturating_add(1));
        let mut all = arguments;
        let typed = all.split_off(at.min(all.len()));
        all.extend(inserted);
        all.extend(typed);
        Ok(Self { arguments: all, from_file, file })
    }

    /// Arguments were good before the file's came in.
    pub(super) fn failure(&self, error: &clap::Error) -> Failure {
        let (error, help) = usage::in_two_lines(&error.render().to_string());
        match &self.file {
            Some(path) => Failure::usage(format!("{}: {error}", path.display()), help),
            None => Failure::usage(error, help),
        }
    }

    /// Every setting of the verb as it is in force.
    pub(super) fn settings(&self, verb: &Command, matches: &ArgMatches) -> Vec<Setting> {
        let mut settings = Vec::new();
        for argument in verb.get_arguments() {
            let what_is_done = ["check", "help", "json"];
            let Some(name) = argument.get_long().filter(|name| !what_is_done.contains(name)) else {
                continue;
            };
            let id = argument.get_id().as_str();
            let source = match matches.value_source(id) {
                _ if self.from_file.iter().any(|known| known == name) => "file",
                Some(ValueSource::CommandLine) => "flag",
                Some(ValueSource::EnvVariable) => "environment",
                Some(_) => "default",
                None => continue,
            };
            let value = match argument.get_action() {
                ArgAction::SetTrue if matches.get_flag(id) => "true".to_owned(),
                ArgAction::SetTrue => continue,
                _ => {
                    let values = matches.get_raw(id).into_iter().flatten();
                    let values: Vec<_> = values.map(OsStr::to_string_lossy).collect();
                    values.join(" ")
                }
            };
            settings.push(Setting { name: name.to_owned(), value, source });
        }
        settings
    }
}

fn read(path: &Path) -> Result<Table, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(
            format!("--config {}: {error}", path.display()),
            "give a TOML file that this user can read",
        )
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| {
            text.bytes().take(span.start).filter(|byte| *byte == b'\n').count().saturating_add(1)
        });
        let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        wrong(path, &format!("{line}{}", error.message()))
    })
}

fn as_arguments(name: &str, action: &ArgAction, value: &Value) -> Result<Vec<OsString>, String> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(format!("--{name}={text}").into()),
        Value::Integer(number) => Ok(format!("--{name}={number}").into()),
        other => {
            Err(format!("{name} is {}, where text or a whole number is expected", kind(other)))
        }
    };
    match (action, value) {
        (ArgAction::SetTrue, Value::Boolean(true)) => Ok(vec![format!("--{name}").into()]),
        (ArgAction::SetTrue, Value::Boolean(false)) => Ok(Vec::new()),
        (ArgAction::SetTrue, other) => {
            Err(format!("{name} is {}, where true or false is expected", kind(other)))
        }
        (ArgAction::Append, Value::Array(values)) => values.iter().map(one).collect(),
        (_, value) => one(value).map(|argument| vec![argument]),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a fraction",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

fn unknown(path: &Path, name: &str, verb: &Command) -> Failure {
    let names: Vec<_> = verb
        .get_arguments()
        .filter_map(clap::Arg::get_long)
        .filter(|known| !TYPED_ONLY.contains(known))
        .collect();
    Failure::usage(
        format!("{}: {name:?} is no setting of {}", path.display(), verb.get_name()),
        format!("its names are those of the flags: {}", names.join(", ")),
    )
}

fn wrong(path: &Path, told: &str) -> Failure {
    Failure::usage(
        format!("{}: {told}", path.display()),
        "names and values are those of the flags, in TOML: listen = \"127.0.0.1:7070\"",
    )
}

/// What is said anew each time, or makes no sense in a file.
const TYPED_ONLY: [&str; 6] = ["allow-rollback", "check", "config", "dev", "help", "json"];

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    fn verb() -> Command {
        Command::new("serve")
            .arg(Arg::new("config").long("config").value_parser(clap::value_parser!(PathBuf)))
            .arg(Arg::new("listen").long("listen").default_value("here"))
            .arg(Arg::new("most").long("most").value_parser(clap::value_parser!(u32)))
            .arg(Arg::new("user").long("user").action(ArgAction::Append))
            .arg(Arg::new("loud").long("loud").action(ArgAction::SetTrue))
            .arg(Arg::new("allow_rollback").long("allow-rollback").action(ArgAction::SetTrue))
    }

    fn settings(file: &str, typed: &[&str]) -> Result<Vec<String>, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serve.toml");
        std::fs::write(&path, file).unwrap();
        let config = format!("--config={}", path.display());
        let typed = ["saddlebag", "serve", &config].into_iter().chain(typed.iter().copied());
        let arguments: Vec<OsString> = typed.map(OsString::from).collect();
        let program = Command::new("saddlebag").subcommand(verb());
        let matches = program.clone().try_get_matches_from(&arguments).unwrap();
        let (_, of_verb) = matches.subcommand().unwrap();
        let extended = Extended::new(arguments, &verb(), of_verb)?;
        let matches = program
            .try_get_matches_from(&extended.arguments)
            .map_err(|error| extended.failure(&error))?;
        let settings = extended.settings(&verb(), matches.subcommand().unwrap().1);
        let told = settings.into_iter().filter(|setting| setting.name != "config");
        Ok(told.map(|s| format!("{}={} ({})", s.name, s.value, s.source)).collect())
    }

    #[test]
    fn a_file_says_what_nobody_typed() {
        let file = "listen = \"there\"\nmost = 3\nuser = [\"a\", \"b\"]\nloud = true\n";
        assert_eq!(
            settings(file, &[]).unwrap(),
            ["listen=there (file)", "most=3 (file)", "user=a b (file)", "loud=true (file)"]
        );
        assert_eq!(
            settings(file, &["--listen", "typed", "--user", "c"]).unwrap(),
            ["listen=typed (flag)", "most=3 (file)", "user=c (flag)", "loud=true (file)"]
        );
        assert_eq!(settings("loud = false", &[]).unwrap(), ["listen=here (default)"]);
    }

    #[test]
    fn a_file_that_is_wrong_is_told_with_its_name_and_the_setting() {
        for (file, told) in [
            ("colour = 1", "\"colour\" is no setting"),
            ("allow-rollback = true", "\"allow-rollback\" is no setting"),
            ("listen = 1.5", "listen is a fraction"),
            ("listen = [\"a\"]", "listen is a list"),
            ("loud = \"yes\"", "loud is text"),
            ("user = [1.5]", "user is a fraction"),
            ("[listen]\na = 1", "listen is a table"),
            ("most = \"many\"", "invalid value 'many' for '--most"),
            ("a = 1\nlisten = ", "line 2"),
        ] {
            let failure = settings(file, &[]).unwrap_err();
            assert!(failure.error().contains(told), "{file}: {}", failure.error());
            assert!(failure.error().contains("serve.toml"), "{file}: {}", failure.error());
        }
    }

    /// A credential or a token that somebody put into the file was quoted, as a value or as a name.
    #[test]
    fn a_token_in_a_file_is_not_repeated() {
        let token = format!("sb1e{}", "A-_9".repeat(30));
        for file in [
            format!("most = \"{token}\""),
            format!("{token} = 1"),
            format!("most = 1\nmost.{token} = 1"),
        ] {
            let failure = settings(&file, &[]).unwrap_err();
            let told = format!("{} {}", failure.error(), failure.help());
            assert!(!told.contains("A-_9"), "{told}");
        }
    }
}
