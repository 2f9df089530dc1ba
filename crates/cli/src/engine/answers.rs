//! Answers of an engine that are no failure: already so, already gone, taken by another.

use anyhow::Result;
use bollard::errors::Error;
use futures_util::{Stream, StreamExt, future::ready};

/// What an engine says line by line, to its end. Docker ends lines with `\r\n`; bollard takes a carriage return that came
/// apart from the last of them for a line that was cut off.
pub(crate) fn lines<T>(stream: impl Stream<Item = Result<T, Error>>) -> impl Stream<Item = Result<T, Error>> {
    let end = |said: &Result<T, Error>| matches!(said, Err(Error::IOError { err }) if err.to_string() == "bytes remaining on stream");
    stream.take_while(move |said| ready(!end(said)))
}

/// What is not there is none.
pub(super) fn gone_is_none<T>(answer: Result<T, Error>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        // Podman, of an image that goes while it is looked at.
        Err(Error::DockerResponseServerError { status_code: 500, message })
            if message.contains("image not known") =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Already so (304), already gone (404), or being removed by another (409): all the same in the end.
pub(super) fn unchanged_is_fine(answer: Result<(), Error>) -> Result<()> {
    match answer {
        Ok(()) | Err(Error::DockerResponseServerError { status_code: 304 | 404, .. }) => Ok(()),
        Err(Error::DockerResponseServerError { status_code: 409, message })
            if message.contains("already in progress") =>
        {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a name is taken: Docker says 409, Podman also 500.
pub(super) fn is_taken(error: &Error) -> bool {
    match error {
        Error::DockerResponseServerError { status_code: 409, .. } => true,
        Error::DockerResponseServerError { status_code: 500, message } => message.contains("already in use"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn what_is_left_of_a_line_end_is_no_failure() {
        let error = |text: &str| Error::IOError { err: std::io::Error::other(text.to_owned()) };
        let said = lines(stream::iter([Ok(1), Ok(2), Err(error("bytes remaining on stream"))]));
        assert_eq!(said.map(Result::unwrap).collect::<Vec<_>>().await, [1, 2]);
        let said = lines(stream::iter([Ok(1), Err(error("connection reset"))]));
        assert!(said.collect::<Vec<_>>().await[1].is_err());
    }
}
