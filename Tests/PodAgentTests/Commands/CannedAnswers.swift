import Synchronization

/// Answers of which one changes after a number of requests.
final class CannedAnswers: Sendable {
    private struct State {
        var answers: [String: String]
        var countdown: Int
        var line: String
        var later: String
    }

    private let state: Mutex<State>

    init(_ answers: [String: String], thenAfter count: Int, _ line: String, _ later: String) {
        state = Mutex(State(answers: answers, countdown: count, line: line, later: later))
    }

    func add(_ line: String, _ answer: String) { state.withLock { $0.answers[line] = answer } }

    func answer(to line: String) -> String {
        state.withLock { state in
            if state.countdown == 0 { state.answers[state.line] = state.later }
            state.countdown -= 1
            return state.answers[line] ?? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        }
    }
}

/// The bodies of requests, in the order in which they came.
final class Bodies: Sendable {
    private let texts = Mutex<[String]>([])

    func add(_ text: String) { texts.withLock { $0.append(text) } }

    var all: [String] { texts.withLock { $0 } }
}
