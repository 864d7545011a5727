import CNamespaces
import PodCore

/// What podagent asks of a shim. See `cns_wire.h` for what travels beside each.
struct ShimRequest {
    var kind: cns_request_kind
    var run = RunID(0)
    var target = RunID(0)
    var flags: [cns_request_flags] = []
    var signal: Int32 = 0
    var log: LogFile?
    var label = ""

    /// The log of a container instance.
    struct LogFile {
        var name: String
        var limits: LogLimits
    }

    /// The structure that goes over the socket.
    var encoded: cns_request {
        var request = cns_request()
        request.version = UInt32(CNS_WIRE_VERSION)
        request.kind = kind.rawValue
        request.run = run.number
        request.target = target.number
        request.flags = flags.reduce(0) { $0 | $1.rawValue }
        request.signal = signal
        if let log {
            request.log_bytes_max = UInt64(log.limits.bytesMax)
            request.log_files_max = UInt32(log.limits.filesMax)
            copy(log.name, into: &request.log_name)
        }
        copy(label, into: &request.label)
        return request
    }
}

/// When a container's log is rotated and how much of it is kept.
struct LogLimits: Hashable, Sendable {
    /// A file is rotated before it grows beyond this.
    var bytesMax = 10 << 20
    /// Files of one container instance, the current one included.
    var filesMax = 5
}

/// What a shim says.
struct ShimEvent: Sendable {
    enum Kind: Sendable {
        case welcome, run, replayed, started, failed, exited, refused
    }

    var kind: Kind
    var run: RunID
    var state: cns_run_state
    var pid: Int32
    var status: Int32
    var step: Int
    var error: Int32
    var lostLogLines: Int
    var startedAt: Timestamp?
    var finishedAt: Timestamp
    var label: String
    /// A terminal's master, beside `started` of an exec.
    var descriptor: SharedDescriptor?

    /// Nil for a message that this version does not understand.
    init?(_ event: cns_event, descriptor: SharedDescriptor?) {
        let kinds: [cns_event_kind: Kind] = [
            CNS_EVENT_WELCOME: .welcome, CNS_EVENT_RUN: .run, CNS_EVENT_REPLAYED: .replayed,
            CNS_EVENT_STARTED: .started, CNS_EVENT_FAILED: .failed, CNS_EVENT_EXITED: .exited,
            CNS_EVENT_REFUSED: .refused,
        ]
        guard event.version == UInt32(CNS_WIRE_VERSION), let kind = kinds[cns_event_kind(event.kind)] else {
            return nil
        }
        self.kind = kind
        run = RunID(event.run)
        state = cns_run_state(event.state)
        pid = event.pid
        status = event.status
        step = Int(event.step)
        error = event.error
        lostLogLines = Int(event.lost)
        startedAt = event.started_at == 0 ? nil : Timestamp(nanoseconds: event.started_at)
        finishedAt = Timestamp(nanoseconds: event.finished_at)
        label = text(of: event.label)
        self.descriptor = descriptor
    }
}

extension cns_event_kind: @retroactive Hashable {}

/// Copies as much of `text` as fits into a C array, always ended by a zero.
private func copy<Array>(_ text: String, into array: inout Array) {
    withUnsafeMutableBytes(of: &array) { bytes in
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        for (index, byte) in text.utf8.prefix(bytes.count - 1).enumerated() { bytes[index] = byte }
    }
}

private func text<Array>(of array: Array) -> String {
    withUnsafeBytes(of: array) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
