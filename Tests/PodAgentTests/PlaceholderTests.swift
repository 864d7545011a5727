import Testing
@testable import PodAgent
