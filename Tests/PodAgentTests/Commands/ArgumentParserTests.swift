import Testing

@testable import PodAgent

@Suite struct ArgumentParserTests {
    private static let verbs = [
        Verb(
            name: "run",
            synopsis: "POD",
            summary: "",
            flags: [
                .toggle("stdin", "i", ""), .toggle("tty", "t", ""), .value("container", "c", "NAME", ""),
                .value("tail", nil, "N", ""), .value("filename", "f", "FILE", "", repeats: true),
                .toggle("wait", nil, ""),
            ],
            words: 0...2,
            takesRest: true,
            run: { _, _ in }
        ),
        Verb(name: "image load", synopsis: "", summary: "", run: { _, _ in }),
        Verb(
            name: "image list",
            aliases: ["image ls", "images"],
            synopsis: "",
            summary: "",
            run: { _, _ in }
        ),
        Verb(name: "offline", synopsis: "", summary: "", isClient: false, words: 0...0, run: { _, _ in }),
    ]

    private static func parse(_ line: String) throws -> Arguments? {
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        guard case .run(_, let arguments) = try ArgumentParser.parse(line.isEmpty ? [] : words, verbs: verbs)
        else {
            return nil
        }
        return arguments
    }

    @Test(
        "Flags are found in every way of writing them, anywhere before --",
        arguments: [
            ("run p", [:], ["p"], nil),
            ("run -i -t p", ["stdin": ["true"], "tty": ["true"]], ["p"], nil),
            ("run -it p", ["stdin": ["true"], "tty": ["true"]], ["p"], nil),
            ("run -itc app p", ["stdin": ["true"], "tty": ["true"], "container": ["app"]], ["p"], nil),
            ("run -capp p", ["container": ["app"]], ["p"], nil),
            ("run -c=app p", ["container": ["app"]], ["p"], nil),
            ("run --container app p", ["container": ["app"]], ["p"], nil),
            ("run --container=app p", ["container": ["app"]], ["p"], nil),
            ("run --container= p", ["container": [""]], ["p"], nil),
            ("run --container=a=b p", ["container": ["a=b"]], ["p"], nil),
            ("run --tail -1 p", ["tail": ["-1"]], ["p"], nil),
            ("run p -n ns", ["namespace": ["ns"]], ["p"], nil),
            ("-n ns run p", ["namespace": ["ns"]], ["p"], nil),
            ("--socket /s run p --tail 1", ["socket": ["/s"], "tail": ["1"]], ["p"], nil),
            ("run --wait=false p", ["wait": ["false"]], ["p"], nil),
            ("run -i=false p", ["stdin": ["false"]], ["p"], nil),
            ("run -f a -f b", ["filename": ["a", "b"]], [], nil),
            ("run -f - p", ["filename": ["-"]], ["p"], nil),
            ("run - p", [:], ["-", "p"], nil),
            ("run p -- ls -l --tail", [:], ["p"], ["ls", "-l", "--tail"]),
            ("run -it p -- -- x", ["stdin": ["true"], "tty": ["true"]], ["p"], ["--", "x"]),
            ("run p --", [:], ["p"], []),
            ("image load x", [:], ["x"], nil),
            ("image -n a load x", ["namespace": ["a"]], ["x"], nil),
            ("images", [:], [], nil),
            ("image ls", [:], [], nil),
        ] as [(String, [String: [String]], [String], [String]?)]
    )
    func accepted(line: String, flags: [String: [String]], words: [String], rest: [String]?) throws {
        let arguments = try #require(try Self.parse(line))
        #expect(arguments.flags == flags)
        #expect(arguments.words == words)
        #expect(arguments.rest == rest)
    }

    @Test(
        "Wrong usage is said in one sentence that helps, and ends with code 2",
        arguments: [
            ("", "a verb is missing; see podagent help"),
            ("rnu p", "there is no verb 'rnu'; did you mean 'run'?; see podagent help"),
            ("xyzzy", "there is no verb 'xyzzy'; see podagent help"),
            ("image", "image what? There are image load, image list; see podagent help image"),
            ("image lsit", "there is no verb 'image lsit'; did you mean 'image list'?; see podagent help"),
            ("run --tial 1", "run has no flag --tial; did you mean --tail?; see podagent help run"),
            ("run -x", "run has no flag -x; see podagent help run"),
            ("run -ix", "run has no flag -x; see podagent help run"),
            ("run --tail", "--tail needs a value: --tail N; see podagent help run"),
            ("run -c", "--container needs a value: --container NAME; see podagent help run"),
            ("run --tail 1 --tail 2", "--tail is given 2 times; see podagent help run"),
            ("run --wait=maybe", "--wait is either true or false, not 'maybe'; see podagent help run"),
            ("run a b c", "too much is given: podagent run POD; see podagent help run"),
            ("--tail 1 run p", "there is no flag --tail before a verb; see podagent help"),
            ("-n a offline", "offline takes no flag --namespace; see podagent help offline"),
            ("offline -- x", "offline takes nothing after --; see podagent help offline"),
        ]
    )
    func refused(line: String, text: String) {
        let error = #expect(throws: CommandError.self) { try Self.parse(line) }
        #expect(error?.text == text)
        #expect(error?.exitCode == 2)
    }

    @Test(
        "Help is found by its name, by a flag, and for a group",
        arguments: [
            ("help", []), ("--help", []), ("-h", []), ("help run", ["run"]), ("run --help", ["run"]),
            ("run -h p", ["run"]), ("help image", ["image"]), ("image --help", ["image"]),
            ("help image load", ["image", "load"]), ("image load -h", ["image load"]),
        ] as [(String, [String])]
    )
    func help(line: String, topic: [String]) throws {
        let words = line.split(separator: " ").map(String.init)
        guard case .help(let found) = try ArgumentParser.parse(words, verbs: Self.verbs) else {
            Issue.record("not taken for help")
            return
        }
        #expect(found == topic)
    }

    @Test("What stands after -- is never a flag")
    func restIsNoHelp() throws {
        #expect(try Self.parse("run p -- --help")?.rest == ["--help"])
    }

    @Test("Every verb has help that names all of its flags", arguments: Program.verbs.map(\.name))
    func everyVerbHasHelp(name: String) throws {
        let result = podagent("help", name.split(separator: " ").map(String.init)[0])
        #expect(result.code == 0)
        let verb = try #require(Program.verbs.first { $0.name == name })
        let text = try HelpText.text(topic: [name], verbs: Program.verbs)
        for flag in verb.allFlags { #expect(text.contains("--\(flag.name)")) }
        #expect(text.contains("podagent \(name)"))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 120 })
    }

    @Test("No verb has two flags of one name or one letter", arguments: Program.verbs.map(\.name))
    func flagsAreDistinct(name: String) throws {
        let flags = try #require(Program.verbs.first { $0.name == name }).allFlags
        #expect(Set(flags.map(\.name)).count == flags.count)
        #expect(Set(flags.compactMap(\.short)).count == flags.compactMap(\.short).count)
    }

    @Test(
        "Durations are read as Go writes them",
        arguments: [
            ("30s", 30_000), ("1m", 60_000), ("1h30m", 5_400_000), ("1.5s", 1500), ("250ms", 250),
            ("10", 10_000),
            ("0", 0), ("1h0m1s", 3_601_000), ("0.5", 500),
        ]
    )
    func durations(text: String, milliseconds: Int64) {
        #expect(Duration(parsing: text)?.wholeMilliseconds == milliseconds)
    }

    @Test(
        "What is no duration is not guessed at",
        arguments: ["", "s", "-1s", "1x", "1s2", "1 s", "1e3s", "inf", "nan", "9999999h", "٣s"]
    )
    func noDurations(text: String) {
        #expect(Duration(parsing: text) == nil)
    }

    @Test(
        "A slip of the finger is recognised, another word is not",
        arguments: [
            ("gte", "get"), ("descrbe", "describe"), ("lgos", "logs"), ("--namspace", "--namespace"),
            ("x", nil),
            ("frobnicate", nil), ("", nil),
        ] as [(String, String?)]
    )
    func nearest(word: String, found: String?) {
        #expect(Nearest.find(word, in: ["get", "describe", "logs", "--namespace", "serve"]) == found)
    }
}
