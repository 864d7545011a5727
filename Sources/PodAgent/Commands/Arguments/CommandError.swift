import PodCore

/// Why a command ends without having done what it was asked to.
enum CommandError: Error, Equatable, Sendable {
    /// It was called wrongly: one sentence, and the verb whose help explains it. Exit code 2.
    case usage(String, verb: String? = nil)
    /// It could not be done: one sentence that says what to do about it where that is known. Exit code 1.
    case failed(String)
    /// The agent will not or cannot do it, and says why. Exit code 1.
    case refused(StatusFailure)
    /// It ended with a code of its own and has said all there is to say: a command run by exec, a problem that was
    /// printed already, a reader of our output that has gone.
    case silent(exitCode: Int32)

    /// What the shell is told: 1 the thing failed, 2 wrong usage.
    var exitCode: Int32 {
        switch self {
        case .usage: 2
        case .failed, .refused: 1
        case .silent(let code): code
        }
    }

    /// What is printed after `podagent: `, if anything.
    var text: String? {
        switch self {
        case .usage(let text, let verb): "\(text); see podagent help" + (verb.map { " " + $0 } ?? "")
        case .failed(let text): text
        case .refused(let failure): failure.message
        case .silent: nil
        }
    }

    /// Whether it failed because the agent does not know the object.
    var isNotFound: Bool {
        if case .refused(let failure) = self { failure.code == 404 } else { false }
    }
}

extension CommandError {
    /// A system call of a command failed.
    static func failed(_ failure: SystemFailure) -> CommandError { .failed("\(failure)") }
}
