import PodCore
import Testing

@Suite struct StatusFailureTests {
    @Test("A failure is the Status that Kubernetes answers with")
    func wireForm() {
        #expect(
            StatusFailure.notFound("pods", "x").status.document.json()
                == #"{"apiVersion":"v1","code":404,"details":{"kind":"pods","name":"x"},"kind":"Status","#
                + #""message":"pods \"x\" not found","metadata":{},"reason":"NotFound","status":"Failure"}"#
        )
    }

    @Test("A failure that went over the wire is the same failure", arguments: StatusFailure.Reason.allCases)
    func roundTrip(reason: StatusFailure.Reason) {
        let failure = StatusFailure(
            reason,
            "a message",
            name: "n",
            kind: "pods",
            causes: [StatusCause(reason: "ExitCode", message: "3", field: "spec")]
        )
        #expect(StatusFailure(failure.status) == failure)
    }

    @Test("Success is no failure")
    func success() {
        var status = Status()
        status.status = "Success"
        #expect(StatusFailure(status) == nil)
    }

    @Test("All mistakes of an object are told, each as a cause")
    func invalid() {
        let errors = [
            FieldError.required(FieldPath("a.b")), FieldError.invalid(FieldPath("c"), 3, "too many"),
        ]
        let both = StatusFailure.invalid(kind: "Pod", name: "x", errors)
        #expect(both.message == #"Pod "x" is invalid: [a.b: Required value, c: Invalid value: 3: too many]"#)
        #expect(both.causes.map(\.field) == ["a.b", "c"])
        #expect(both.code == 422)
        let one = StatusFailure.invalid(kind: "Pod", name: "x", [errors[0]])
        #expect(one.message == #"Pod "x" is invalid: a.b: Required value"#)
    }
}
