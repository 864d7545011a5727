import Testing

@testable import PodCore

/// `$(VAR)`: the table of the reference, §8.2, and what a hostile value could try.
struct ExpansionTests {
    static let cases: [(String, String)] = [
        ("$(A)", "1"), ("$(A)$(B)", "1two"), ("$(E)x", "x"), ("$A", "$A"), ("$[A]", "$[A]"), ("a$", "a$"),
        ("$(A", "$(A"),
        ("$()", "$()"), ("$( A )", "$( A )"), ("$(MISSING)", "$(MISSING)"), ("$(A-$(B))", "$(A-$(B))"),
        ("$$", "$"),
        ("$$(A)", "$(A)"), ("$$$(A)", "$1"), ("$$$$(A)", "$$(A)"), ("", ""), ("$", "$"), ("é$(A)é", "é1é"),
        ("$(A))", "1)"),
        ("$(R)", "$(A)"), ("$(R$(A)", "$(R$(A)"), ("$($)", "$($)"), ("x$(A)y$(B", "x1y$(B"),
    ]

    @Test("references are replaced, once, and nothing else is", arguments: cases)
    func expands(_ text: String, _ expected: String) {
        #expect(Expansion.expand(text, with: ["A": "1", "B": "two", "E": "", "R": "$(A)"]) == expected)
    }
}
