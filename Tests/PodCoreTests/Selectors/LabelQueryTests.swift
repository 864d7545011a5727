import PodCore
import Testing

@Suite struct LabelQueryTests {
    private static let labels = ["app": "web", "tier": "front", "n": "5", "empty": ""]

    @Test(
        "A selector selects",
        arguments: [
            "", "app=web", "app==web", "app = web", "app!=db", "absent!=x", "app in (web, db)",
            "app in (web)",
            "app notin (db,cache)", "absent notin (x)", "app", "!absent", "n>4", "n<6", "app=web,tier=front",
            "app in (a,web),!x, n > 4", "empty=", "empty in ()", "empty in (,x)", "! absent",
        ]
    )
    func matches(text: String) throws { #expect(try LabelQuery(parsing: text).matches(Self.labels)) }

    @Test(
        "A selector leaves out",
        arguments: [
            "app=db", "absent=x", "absent", "!app", "app!=web", "app in (db)", "absent in (x)",
            "app notin (web)", "n>5", "n<5", "app>1", "absent>1", "app=web,tier=back", "app=",
        ]
    )
    func doesNotMatch(text: String) throws { #expect(try !LabelQuery(parsing: text).matches(Self.labels)) }

    @Test(
        "What is no selector is refused with 400",
        arguments: [
            "=", "app=web,", ",", "app in", "app in (a", "app in a", "app web", "app=web tier", "!", "!=x",
            "app>x", "a b", "-bad=x", "app=-bad", "a/b/c=x", "/x=y", "app=x=y", "app\u{1}=x", "app in (a;b)",
        ]
    )
    func refused(text: String) {
        let failure = #expect(throws: StatusFailure.self) { try LabelQuery(parsing: text) }
        #expect(failure?.code == 400)
        #expect(failure?.message.hasPrefix("unable to parse requirement: ") == true)
    }
}

@Suite struct FieldQueryTests {
    private static let pod: Pod = {
        var pod = Pod()
        pod.metadata.name = "web"
        pod.metadata.namespace = "default"
        pod.spec.nodeName = "n1"
        pod.status.phase = .running
        return pod
    }()

    @Test(
        "A field selector selects or leaves out",
        arguments: [
            ("", true), ("metadata.name=web", true), ("metadata.name==web", true),
            ("metadata.name!=web", false),
            ("metadata.name=other", false), ("status.phase!=Failed,status.phase!=Succeeded", true),
            ("spec.nodeName=n1,status.phase=Running", true), ("spec.nodeName=n1,status.phase=Pending", false),
            ("status.podIP=", true), ("spec.hostNetwork=false", true), ("spec.restartPolicy=Always", true),
            (",metadata.name=web,", true), (#"metadata.name=we\,b"#, false),
            ("status.nominatedNodeName=", true),
        ]
    )
    func matches(text: String, isMatch: Bool) throws {
        let query = try FieldQuery(parsing: text)
        try query.check(against: SelectableFields.pods)
        #expect(query.matches(Self.pod, SelectableFields.pods) == isMatch)
    }

    @Test("An escaped comma belongs to the value")
    func escapes() throws {
        let query = try FieldQuery(parsing: #"a=x\,y\=z\\,b!=c"#)
        #expect(query.terms == [.init("a", #"x,y=z\"#), .init("b", "c", isNegated: true)])
    }

    @Test(
        "What is no field selector is refused",
        arguments: [
            ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
            ("a=b,c", "invalid selector: 'a=b,c'; can't understand 'c'"),
            (#"a=\x"#, #"invalid selector: 'a=\x'; can't understand 'a=\x'"#),
            ("a=b=c", "invalid selector: 'a=b=c'; can't understand 'a=b=c'"),
        ]
    )
    func refused(text: String, message: String) {
        let failure = #expect(throws: StatusFailure.self) { try FieldQuery(parsing: text) }
        #expect(failure == .badRequest(message))
    }

    @Test("A field by which Pods cannot be selected is refused in Kubernetes' words")
    func unknownField() throws {
        let query = try FieldQuery(parsing: "spec.image=x")
        let failure = #expect(throws: StatusFailure.self) { try query.check(against: SelectableFields.pods) }
        #expect(failure == .badRequest("field label not supported: spec.image"))
    }
}
