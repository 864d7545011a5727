import Testing

@testable import PodCore

@Suite struct BackoffAnnotationsTests {
    static func limits(_ initial: String?, _ maximum: String?) throws -> BackoffLimits {
        var annotations = ["unrelated": "x"]
        annotations["podagent.io/backoff-initial"] = initial
        annotations["podagent.io/backoff-max"] = maximum
        return try BackoffLimits(annotations: annotations, defaults: .kubelet)
    }

    @Test(
        "A Pod's annotations take the place of the node's limits",
        arguments: [
            (nil, nil, 10_000, 300_000), ("500ms", nil, 500, 300_000), (nil, "20s", 10_000, 20_000),
            ("1s", "2m30s", 1_000, 150_000), ("5s", "5s", 5_000, 5_000), ("100ms", "24h", 100, 86_400_000),
            // What is not named gives way to what is.
            ("10m", nil, 600_000, 600_000), (nil, "1s", 1_000, 1_000),
        ] as [(String?, String?, Int, Int)]
    )
    func taken(_ initial: String?, _ maximum: String?, _ first: Int, _ ceiling: Int) throws {
        let limits = try Self.limits(initial, maximum)
        #expect(limits.initial == .milliseconds(first) && limits.maximum == .milliseconds(ceiling))
    }

    @Test("The delays between restarts follow them")
    func delays() throws {
        let limits = try Self.limits("500ms", "3s")
        var backoff = RestartBackoff()
        var texts: [String] = []
        for _ in 0..<5 {
            backoff.step(at: Tick(nanoseconds: 0), limits)
            texts.append(backoff.delay?.goText ?? "none")
        }
        #expect(texts == ["500ms", "1s", "2s", "3s", "3s"])
    }

    private static let rule = "must be a duration such as 500ms, 1s or 2m30s, from 100ms to 24h"

    @Test(
        "At admission what cannot be followed is refused, and what is right is said",
        arguments: [
            ValidationCase(
                .metadata,
                #"{annotations: {"podagent.io/backoff-initial": "10"}}"#,
                "metadata.annotations[podagent.io/backoff-initial]: Invalid value: \"10\": \(rule)"
            ),
            ValidationCase(
                .metadata,
                #"{annotations: {"podagent.io/backoff-max": ""}}"#,
                "metadata.annotations[podagent.io/backoff-max]: Invalid value: \"\": \(rule)"
            ),
            ValidationCase(
                .metadata,
                #"{annotations: {"podagent.io/backoff-max": 99ms}}"#,
                "metadata.annotations[podagent.io/backoff-max]: Invalid value: \"99ms\": \(rule)"
            ),
            ValidationCase(
                .metadata,
                #"{annotations: {"podagent.io/backoff-initial": 24h0m1s}}"#,
                "metadata.annotations[podagent.io/backoff-initial]: Invalid value: \"24h0m1s\": \(rule)"
            ),
            ValidationCase(
                .metadata,
                #"{annotations: {"podagent.io/backoff-initial": 2m, "podagent.io/backoff-max": 90s}}"#,
                "metadata.annotations[podagent.io/backoff-initial]: Invalid value: \"2m\": must not be longer than podagent.io/backoff-max, 1m30s"
            ),
            ValidationCase(
                .metadata,
                #"{annotations: {"podagent.io/backof-initial": 1s}}"#,
                "metadata.annotations[podagent.io/backof-initial]: Forbidden: podagent knows no annotation of this name; did you mean podagent.io/backoff-initial?"
            ),
            ValidationCase(
                .metadata,
                #"{annotations: {"PodAgent.io/backoff-max": 1s}}"#,
                "metadata.annotations[PodAgent.io/backoff-max]: Forbidden: podagent knows no annotation of this name; did you mean podagent.io/backoff-max?"
            ),
            ValidationCase(
                .metadata,
                #"{annotations: {"podagent.io/something-else": x}}"#,
                "metadata.annotations[podagent.io/something-else]: Forbidden: podagent knows no annotation of this name; known are podagent.io/backoff-initial, podagent.io/backoff-max, podagent.io/after"
            ),
            ValidationCase(
                .metadata,
                #"{annotations: {"podagent.io/after": "db", "podagent.io/backoff-initial": 1s, "podagent.io/backoff-max": 2m30s, "other.io/backoff": x}}"#
            ),
        ]
    )
    func admission(_ test: ValidationCase) {
        #expect(test.errors() == test.expectedTexts)
    }

    // MARK: The next start

    static func waiting(_ message: String, reason: String = "CrashLoopBackOff", finishedAt: Int64? = 1_000)
        -> ContainerStatus
    {
        var status = ContainerStatus()
        var waiting = ContainerStateWaiting()
        waiting.reason = reason
        waiting.message = message
        status.state = .waiting(waiting)
        guard let finishedAt else { return status }
        var end = ContainerStateTerminated()
        end.finishedAt = Timestamp(seconds: finishedAt)
        status.lastState = .terminated(end)
        return status
    }

    @Test(
        "When a container is started next is the end of the last one and the delay in the message",
        arguments: [
            ("10s", 1_000, "in 10s"), ("5m0s", 1_050, "in 4m10s"), ("10s", 1_009, "in 1s"),
            ("10s", 1_010, "at any moment"), ("10s", 2_000, "at any moment"),
            ("500ms", 1_000, "at any moment"),
            ("2m30.5s", 1_000, "in 2m30s"),
        ] as [(String, Int64, String)]
    )
    func nextStart(_ delay: String, _ now: Int64, _ text: String) throws {
        let status = Self.waiting("back-off \(delay) restarting failed container=c pod=p_default(u)")
        #expect(try #require(NextStart(status)).text(at: Timestamp(seconds: now)) == text)
    }

    @Test(
        "Nothing is said of a container that is not held back, or of which too little is known",
        arguments: [
            waiting("back-off 10s restarting failed container=c", reason: "ImagePullBackOff"),
            waiting("back-off 10s restarting failed container=c", finishedAt: nil),
            waiting("back-off soon restarting failed container=c"), waiting("something else went wrong"),
            waiting("back-off 10s"), waiting(""), ContainerStatus(),
        ]
    )
    func noNextStart(_ status: ContainerStatus) {
        #expect(NextStart(status) == nil)
    }
}
