//! Answers of an engine that are no failure: already so, already gone, taken by another.

use anyhow::Result;
use bollard::errors::Error;

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
