import Testing

@testable import PodCore

/// Images that have to be fetched first: reference §13.2–13.4.
@Suite struct ImagePullTests {
    private static let refused = ImageAnswer.failed(image: "r/x:1", message: "404")
    private static let failed = "Warning Failed web: Failed to pull image \"r/x:1\": 404"
    private static let isError = "Warning Failed web: Error: ErrImagePull"
    private static let backsOff = "Normal BackOff web: Back-off pulling image \"r/x:1\""
    private static let isBackOff = "Warning Failed web: Error: ImagePullBackOff"
    private static let killing = "Normal Killing web: Container web definition changed, will be restarted"

    @Test(
        "A start whose image is missing is made again when the image is there",
        arguments: [
            Story(
                "13.2: the image is pulled, and the same start is made then, with no restart counted",
                hasImages: false,
                .up("start web 1 ×0"),
                .tell(.imageWanted(RunID(1)), "pull web 1"),
                .shows("web", "waiting ContainerCreating ×0"),
                .passes(3600),
                .tell(.imageAnswered(number: 1, .here(id: "a")), "start web 2 ×0"),
                .started(2),
                .shows("web", "running, started, ready ×0")
            ),
            Story(
                "13.4.3: failures wait 10 s, 20 s … 300 s, and are shown as such, then as a wait",
                hasImages: false,
                .up("start web 1 ×0"),
                .tell(.imageWanted(RunID(1)), "pull web 1"),
                .tell(.imageAnswered(number: 1, refused), failed, isError),
                .shows("web", "waiting ErrImagePull: 404 ×0"),
                .wakes(after: 2, backsOff, isBackOff),
                .shows(
                    "web",
                    "waiting ImagePullBackOff: Back-off pulling image \"r/x:1\": ErrImagePull: 404 ×0"
                ),
                .wakes(after: 8, "start web 2 ×0"),
                .tell(.imageWanted(RunID(2)), "pull web 2"),
                .tell(.imageAnswered(number: 2, refused), failed, isError),
                .wakes(after: 2, backsOff, isBackOff),
                .wakes(after: 18, "start web 3 ×0"),
                .tell(.imageWanted(RunID(3)), "pull web 3"),
                // Another start that wants the image goes on from where the first was.
                .tell(.imageAnswered(number: 3, refused), failed, isError),
                .wakes(after: 2, backsOff, isBackOff),
                .wakes(after: 38, "start web 4 ×0")
            ),
            Story(
                "13.4.3: a success ends the back-off",
                hasImages: false,
                .up("start web 1 ×0"),
                .tell(.imageWanted(RunID(1)), "pull web 1"),
                .tell(.imageAnswered(number: 1, refused), failed, isError),
                .wakes(after: 2, backsOff, isBackOff),
                .wakes(after: 8, "start web 2 ×0"),
                .tell(.imageWanted(RunID(2)), "pull web 2"),
                .tell(.imageAnswered(number: 2, .here(id: "a")), "start web 3 ×0"),
                .started(3),
                .exits(3, 0, "start web 4 ×1"),
                .tell(.imageWanted(RunID(4)), "pull web 3"),
                .tell(.imageAnswered(number: 3, refused), failed, isError),
                .wakes(after: 2, backsOff, isBackOff),
                .wakes(after: 8, "start web 5 ×1")
            ),
            Story(
                "13.2: a name that is none, or a policy that forbids, asks no registry",
                hasImages: false,
                .up("start web 1 ×0"),
                .tell(.imageWanted(RunID(1)), "pull web 1"),
                .tell(
                    .imageAnswered(number: 1, .refused(Waiting("ErrImageNeverPull", "not present"))),
                    "Warning ErrImageNeverPull web: not present",
                    "Warning Failed web: Error: ErrImageNeverPull"
                ),
                .shows("web", "waiting ErrImageNeverPull: not present ×0"),
                .wakes(after: 10, "start web 2 ×0")
            ),
            Story(
                "13.4: images that come otherwise end the wait",
                hasImages: false,
                .up("start web 1 ×0"),
                .tell(.imageWanted(RunID(1)), "pull web 1"),
                .tell(.imageAnswered(number: 1, refused), failed, isError),
                .wakes(after: 2, backsOff, isBackOff),
                .tell(.imagesChanged, "start web 2 ×0"),
                .started(2)
            ),
        ]
    )
    func starts(story: Story) { story.play() }

    @Test(
        "Others wait for a pull as far as the order of starts asks for it",
        arguments: [
            Story(
                "6.1: containers begin in their order",
                regular: ["web", "log"],
                hasImages: false,
                .up("start web 1 ×0"),
                .tell(.imageWanted(RunID(1)), "pull web 1"),
                .tell(.imageAnswered(number: 1, .here(id: "a")), "start web 2 ×0"),
                .started(2, "start log 3 ×0")
            ),
            Story(
                "6.1: one that cannot be had does not hold up the next",
                regular: ["web", "log"],
                hasImages: false,
                .up("start web 1 ×0"),
                .tell(.imageWanted(RunID(1)), "pull web 1"),
                .tell(.imageAnswered(number: 1, refused), failed, isError, "start log 2 ×0")
            ),
            Story(
                "6.1: what has run before is started again meanwhile",
                regular: ["web", "log"],
                hasImages: false,
                .up("start web 1 ×0"),
                .started(1, "start log 2 ×0"),
                .started(2),
                .exits(1, 0, "start web 3 ×1"),
                .tell(.imageWanted(RunID(3)), "pull web 1"),
                .exits(2, 0, "start log 4 ×1"),
                .started(4)
            ),
            Story(
                "6.1: an init container's image is waited for",
                init: ["setup"],
                hasImages: false,
                .up("start setup 1 ×0"),
                .tell(.imageWanted(RunID(1)), "pull setup 1"),
                .shows("web", "waiting PodInitializing ×0"),
                .tell(.imageAnswered(number: 1, .here(id: "a")), "start setup 2 ×0"),
                .started(2),
                .exits(2, 0, "start web 3 ×0")
            ),
        ]
    )
    func order(story: Story) { story.play() }

    @Test(
        "Whoever does not want it any more does not wait for it",
        arguments: [
            Story(
                "6.5: a Pod that is deleted while its image comes goes at once",
                hasImages: false,
                .up("start web 1 ×0"),
                .tell(.imageWanted(RunID(1)), "pull web 1"),
                .deleted(nil, "cancel pull 1", "remove sandbox 0"),
                .tell(.imageAnswered(number: 1, .here(id: "a")))
            ),
            Story(
                "15.6: a node that goes down pulls nothing",
                hasImages: false,
                .up("start web 1 ×0"),
                .tell(.imageWanted(RunID(1)), "pull web 1"),
                .tell(.nodeShutdown(grace: .seconds(30)), "cancel pull 1", "remove sandbox 0")
            ),
            Story(
                "17: an agent that comes back asks again",
                hasImages: false,
                .up("start web 1 ×0"),
                .tell(.imageWanted(RunID(1)), "pull web 1"),
                .restarted("start web 2 ×0"),
                .tell(.imageAnswered(number: 1, .here(id: "a"))),
                .tell(.imageWanted(RunID(2)), "pull web 2")
            ),
        ]
    )
    func cancellation(story: Story) { story.play() }

    @Test(
        "What runs goes on until the image that is to replace it is there",
        arguments: [
            Story(
                "6.7: the image is looked after first",
                hasImages: false,
                .up("start web 1 ×0"),
                .started(1),
                .tell(.redefined(.of("web"), superseding: ["web"]), "pull web 1"),
                .shows("web", "running, started, ready ×0"),
                .tell(.imageAnswered(number: 1, .here(id: "a")), killing, "terminate 1"),
                .exits(1, 143, "start web 2 ×1"),
                .started(2),
                .shows("web", "running, last ended 143 Error, started, ready ×1")
            ),
            Story(
                "6.7: one that cannot be had leaves running what runs, and is tried again",
                hasImages: false,
                .up("start web 1 ×0"),
                .started(1),
                .tell(.redefined(.of("web"), superseding: ["web"]), "pull web 1"),
                .tell(.imageAnswered(number: 1, refused), failed, isError),
                .shows("web", "running, started, ready ×0"),
                .wakes(after: 2, backsOff, isBackOff),
                .wakes(after: 8, "pull web 2"),
                .shows("web", "running, started, ready ×0"),
                .tell(.imageAnswered(number: 2, refused), failed, isError),
                // A third image, before the second has been had.
                .tell(.redefined(.of("web"), superseding: ["web"]), "pull web 3"),
                .tell(.redefined(.of("web"), superseding: ["web"]), "cancel pull 3", "pull web 4"),
                .tell(.imageAnswered(number: 3, .here(id: "third"))),
                .tell(.imageAnswered(number: 4, .here(id: "fourth")), killing, "terminate 1")
            ),
        ]
    )
    func replacement(story: Story) { story.play() }

    @Test(
        "What ends by itself while the image of its successor cannot be had waits for that",
        arguments: [
            Story(
                "13.4.3: until the back-off is over",
                hasImages: false,
                .up("start web 1 ×0"),
                .started(1),
                .tell(.redefined(.of("web"), superseding: ["web"]), "pull web 1"),
                .tell(.imageAnswered(number: 1, refused), failed, isError),
                .wakes(after: 2, backsOff, isBackOff),
                .exits(1, 1, after: 1),
                .shows(
                    "web",
                    "waiting ImagePullBackOff: Back-off pulling image \"r/x:1\": ErrImagePull: 404, last ended 1 Error ×0"
                ),
                .wakes(after: 7, "start web 2 ×1")
            )
        ]
    )
    func ends(story: Story) { story.play() }
}

extension PodLifecycle {
    /// One regular container of this name, as the stories have it.
    fileprivate static func of(_ name: String) -> PodLifecycle {
        PodLifecycle(
            reference: "web-node1_default(1234)",
            initContainers: [],
            containers: [.init(name: name)],
            restartPolicy: .always,
            terminationGracePeriod: .seconds(30),
            backoff: .kubelet
        )
    }
}
