/// A further process in a running container, and the plan that makes it.
public struct ExecLaunch: Hashable, Sendable {
    /// The first size of a terminal, when the process gets one.
    public struct Terminal: Hashable, Sendable {
        /// Lines of characters.
        public var rows: UInt16
        /// Characters in a line.
        public var columns: UInt16

        /// Makes a size; 0 × 0 leaves the kernel's own.
        public init(rows: UInt16 = 0, columns: UInt16 = 0) {
            self.rows = rows
            self.columns = columns
        }
    }

    /// Who the process is and what it runs.
    public var process: ProcessLaunch
    /// The terminal that it gets; nil for the client's own pipes.
    public var terminal: Terminal?

    /// Makes the description.
    public init(process: ProcessLaunch, terminal: Terminal?) {
        self.process = process
        self.terminal = terminal
    }

    /// Joins every namespace of the container at once, by the pidfd of its first process, so that what is joined is
    /// that container or nothing. It is born in the container's PID namespace and cgroup.
    public var plan: LaunchPlan {
        let devpts = Slot.scratch(0)
        var steps: [LaunchStep] = [
            process.adjustOOMScore,
            .join(.target, [.mount, .cgroup, .uts, .ipc, .network]),
            .newSession,
        ]
        if let terminal {
            steps += [
                .open(path: "/dev/pts", into: devpts, directory: true),
                .openTerminal(
                    devpts: devpts,
                    devices: .none,
                    owner: process.user,
                    rows: terminal.rows,
                    columns: terminal.columns
                ),
            ]
        } else {
            steps.append(.connectStandardStreams(nullFrom: .none, owner: process.user))
        }
        return LaunchPlan(steps: steps + process.finalSteps)
    }
}
