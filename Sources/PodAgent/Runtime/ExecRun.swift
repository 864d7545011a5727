import CNamespaces
import Dispatch
import Glibc
import PodCore

/// A process that a client started in a container.
@NodeActor
final class ExecRun {
    /// Called once: with the terminal's master when the process runs.
    var onStarted: (SharedDescriptor?) -> Void = { _ in }
    /// Called once, at the end.
    var onEnded: (ExecExit) -> Void = { _ in }
    let plan: LaunchPlan
    /// Whether the shim has said anything of it.
    fileprivate(set) var isAnswered = false

    init(plan: LaunchPlan) { self.plan = plan }
}

extension PodWorker {
    /// What the shim says of an exec.
    func takeExec(_ event: ShimEvent) {
        guard let exec = execs[event.run] else { return }
        exec.isAnswered = true
        switch event.kind {
        case .started: return exec.onStarted(event.descriptor)
        case .exited:
            let signal = event.status & 0x7f
            exec.onEnded(signal == 0 ? .code((event.status >> 8) & 0xff) : .signal(signal))
        case .failed:
            exec.onEnded(.failure(launchFailure(event, exec.plan)))
        case .refused:
            exec.onEnded(.failure("the container is not running (\(errnoText(event.error)))"))
        case .welcome, .run, .replayed: return
        }
        execs[event.run] = nil
        sandbox?.forget(event.run)
    }

    /// The sandbox goes, and every exec with it.
    func endExecs(_ reason: String) {
        let ended = execs.values
        execs = [:]
        for exec in ended { exec.onEnded(.failure(reason)) }
    }

    /// Starts a process in the running container `name`. `descriptors` become its standard streams; with a terminal
    /// there are none, and its master comes with the start. `isLimited`: the caller gives it up after a time.
    func exec(
        _ prepared: PreparedExec,
        container name: String,
        terminal: Bool,
        streams: [SharedDescriptor],
        _ exec: ExecRun,
        isLimited: Bool = false
    ) throws -> RunID {
        guard let sandbox, let record = machine.containers.first(where: { $0.name == name }),
            case .running(let target, _) = record.state
        else { throw StatusFailure.badRequest("container not found (\"\(name)\")") }
        nextExec += 1
        let run = RunID(nextExec)
        execs[run] = exec
        let descriptors = [prepared.plan, prepared.cgroup] + streams
        do {
            try sandbox.exec(
                run: run,
                target: target,
                terminal: terminal,
                label: "exec",
                descriptors: descriptors
            )
        } catch {
            execs[run] = nil
            throw error
        }
        // Whoever limits it finds out by that.
        if !isLimited { expectAnswer(to: run, exec) }
        return run
    }

    /// A shim answers at once, whatever the container does. One that does not leaves its client with a sentence.
    private func expectAnswer(to run: RunID, _ exec: ExecRun) {
        let limit = PodMachine.answerTime
        let deadline = DispatchTime.now() + .nanoseconds(Int(limit.wholeNanoseconds))
        NodeActor.queue.asyncAfter(deadline: deadline) { [weak self, weak exec] in
            NodeActor.assumeIsolated {
                guard let self, let exec, !exec.isAnswered, self.execs.removeValue(forKey: run) != nil else {
                    return
                }
                exec.onEnded(.failure("podshim has not answered for \(limit.goText)"))
            }
        }
    }
}

/// An exec, ready to be sent to the shim.
struct PreparedExec: Sendable {
    let launch: LaunchPlan
    let plan: SharedDescriptor
    let cgroup: SharedDescriptor
    /// Beneath the Pod's cgroup, if it is the process's alone.
    var cgroupName: String?
}

extension ContainerPreparation {
    /// Describes a further process of the container, with the identity, environment and limits of its first one.
    /// Blocks; belongs on a worker.
    func prepareExec(_ command: [String], terminal: Bool) throws -> PreparedExec {
        let cgroup = try cgroups.leaf(instance, pod: pod.metadata.uid)
        return try prepareExec(command, terminal: terminal, cgroup: SharedDescriptor(cgroup))
    }

    /// As ``prepareExec(_:terminal:)``, in a cgroup of the container's that is `name`'s alone: all that the process
    /// leaves can be killed, and nothing else with it.
    func prepareCommand(_ command: [String], name: String) throws -> PreparedExec {
        let cgroup = try cgroups.inner(name, of: instance, pod: pod.metadata.uid)
        var prepared = try prepareExec(command, terminal: false, cgroup: SharedDescriptor(cgroup))
        prepared.cgroupName = "\(instance)/\(name)"
        return prepared
    }

    private func prepareExec(_ command: [String], terminal: Bool, cgroup: SharedDescriptor) throws
        -> PreparedExec
    {
        guard let image = try images.image(imageID ?? container.image, for: PodKey(pod)) else {
            throw StatusFailure.internalError("image \(container.image) is no longer on the node")
        }
        let process: ProcessLaunch
        do throws(ContainerProcess.Failure) {
            process = try ContainerProcess(
                pod: pod,
                container: container,
                image: image.config,
                accounts: image.accounts,
                hostname: PodHostname(of: pod, on: naming).kernel,
                addresses: addresses,
                nodeMemory: NodeMemory.bytes
            ).exec(command, tty: terminal)
        } catch {
            throw StatusFailure.internalError(error.waiting.message)
        }
        let launch = ExecLaunch(process: process, terminal: terminal ? ExecLaunch.Terminal() : nil).plan
        return PreparedExec(
            launch: launch,
            plan: try sealedPlan(launch, subject: command[0]),
            cgroup: cgroup
        )
    }
}
