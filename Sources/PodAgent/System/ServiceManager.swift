import Dispatch
import Glibc

/// The service manager, systemd or another that speaks sd_notify(3), as the agent speaks to it.
///
/// Nothing here waits: while the manager's queue is full, what is to be said is kept, in order, and said when there is
/// room. The watchdog's signs of life come from the node's queue. An agent whose queue is blocked decides nothing any
/// more, whatever its other threads do, and this is what tells.
@NodeActor
final class ServiceManager {
    /// What the manager has no room for yet.
    private struct Backlog {
        var messages: [ServiceMessage]
        let socket: SharedDescriptor
        let source: any DispatchSourceWrite
    }

    private let socket: ServiceSocket
    private var backlog: Backlog?
    private var watchdog: (any DispatchSourceTimer)?
    private var hasComplained = false

    /// Nil when there is nobody to speak to.
    init?(_ environment: ServiceEnvironment) {
        guard let socket = environment.socket else { return nil }
        self.socket = socket
        if let limit = environment.watchdog { startWatchdog(limit) }
    }

    /// Tells the manager all of this at once.
    func tell(_ facts: ServiceNotification...) { tell(ServiceMessage(facts: facts)) }

    private func tell(_ message: ServiceMessage) {
        guard backlog == nil else {
            backlog?.messages.removeAll { $0.isOvertaken(by: message) }
            backlog?.messages.append(message)
            return
        }
        do throws(SystemFailure) {
            let socket = try socket.connect()
            if try !send(message, on: socket) { keep(message, for: socket) }
            hasComplained = false
        } catch {
            complain(error)
        }
    }

    /// Half of the limit is what sd_watchdog_enabled(3) advises.
    private func startWatchdog(_ limit: Duration) {
        let timer = DispatchSource.makeTimerSource(queue: NodeActor.queue)
        timer.setEventHandler { [weak self] in
            NodeActor.assumeIsolated { self?.tell(.watchdog) }
        }
        let half = max(1_000_000, Int(clamping: (limit / 2).wholeNanoseconds))
        timer.schedule(deadline: .now(), repeating: .nanoseconds(half), leeway: .nanoseconds(half / 10))
        timer.activate()
        watchdog = timer
    }

    /// False when there is no room.
    private func send(_ message: ServiceMessage, on socket: SharedDescriptor) throws(SystemFailure) -> Bool {
        do throws(SystemFailure) {
            let bytes = message.bytes
            try check("write", self.socket.name) {
                bytes.withUnsafeBytes { write(socket.raw, $0.baseAddress, $0.count) }
            }
            return true
        } catch  where error.errno == EAGAIN {
            return false
        }
    }

    private func keep(_ message: ServiceMessage, for socket: SharedDescriptor) {
        let source = DispatchSource.makeWriteSource(fileDescriptor: socket.raw, queue: NodeActor.queue)
        source.setEventHandler { [weak self] in
            NodeActor.assumeIsolated { self?.resume() }
        }
        source.setCancelHandler { _ = socket }
        backlog = Backlog(messages: [message], socket: socket, source: source)
        source.activate()
    }

    private func resume() {
        guard let backlog else { return }
        var rest = backlog.messages[...]
        do throws(SystemFailure) {
            while let next = rest.first {
                guard try send(next, on: backlog.socket) else {
                    self.backlog?.messages = Array(rest)
                    return
                }
                rest.removeFirst()
            }
        } catch {
            // The manager has closed this socket; where it listens now is tried below.
        }
        backlog.source.cancel()
        self.backlog = nil
        for message in rest { tell(message) }
    }

    /// Once for each time that it stops working: there is a sign of life every few seconds.
    private func complain(_ failure: SystemFailure) {
        guard !hasComplained else { return }
        hasComplained = true
        Log.warning("the service manager cannot be told how the agent is: \(failure)")
    }
}
