import Testing

@testable import PodCore

@Suite struct VolumeValidationTests {
    static let volumes: [ValidationCase] = [
        .init(.volume, "{}"),
        .init(.volume, "{name: null}", "volumes[0].name: Required value"),
        .init(.volume, "{name: A}", "volumes[0].name: Invalid value: \"A\": \(Text.label)"),
        .init(.spec, "{volumes: [{name: v}, {name: v}]}", "volumes[1].name: Duplicate value: \"v\""),
        .init(
            .volume,
            "{emptyDir: {}, hostPath: {path: /x}}",
            "volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"
        ),
        .init(.volume, "{hostPath: {}}", "volumes[0].hostPath.path: Required value"),
        .init(
            .volume,
            "{hostPath: {path: /a/../b}}",
            "volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"
        ),
        .init(
            .volume,
            "{hostPath: {path: /a, type: Dir}}",
            "volumes[0].hostPath.type: Unsupported value: \"Dir\": supported values: \"\", \"BlockDevice\", \"CharDevice\", \"Directory\", \"DirectoryOrCreate\", \"File\", \"FileOrCreate\", \"Socket\""
        ),
        .init(.volume, "{hostPath: {path: /a, type: ''}}"),
        .init(
            .volume,
            "{emptyDir: {sizeLimit: '-1'}}",
            "volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"
        ),
        .init(.volume, "{emptyDir: {medium: Cloud}}"),
        .init(.volume, "{image: {}}"),
        .init(
            .volume,
            "{downwardAPI: {items: [{path: ../x, fieldRef: {fieldPath: metadata.name}}]}}",
            "volumes[0].downwardAPI.path: Invalid value: \"../x\": must not contain '..'"
        ),
        .init(
            .volume,
            "{downwardAPI: {items: [{path: ..x, fieldRef: {fieldPath: metadata.name}}]}}",
            "volumes[0].downwardAPI.path: Invalid value: \"..x\": must not start with '..'"
        ),
        .init(
            .volume,
            "{downwardAPI: {items: [{path: x}]}}",
            "volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"
        ),
        .init(
            .volume,
            "{downwardAPI: {items: [{path: x, fieldRef: {fieldPath: spec.nodeName}}]}}",
            "volumes[0].downwardAPI.fieldRef.fieldPath: Unsupported value: \"spec.nodeName\": supported values: \"metadata.annotations\", \"metadata.labels\", \"metadata.name\", \"metadata.namespace\", \"metadata.uid\""
        ),
        .init(
            .volume,
            "{downwardAPI: {items: [{path: x, resourceFieldRef: {resource: limits.cpu}}]}}",
            "volumes[0].downwardAPI.resourceFieldRef.containerName: Required value"
        ),
        .init(
            .volume,
            "{downwardAPI: {items: [{path: x, mode: 512, fieldRef: {fieldPath: metadata.name}}]}}",
            "volumes[0].downwardAPI.mode: Invalid value: 512: \(Text.mode)"
        ),
        .init(
            .volume,
            "{configMap: {name: m, defaultMode: 512}}",
            "volumes[0].configMap.defaultMode: Invalid value: 512: \(Text.mode)"
        ),
        .init(
            .volume,
            "{secret: {secretName: s, defaultMode: -1}}",
            "volumes[0].secret.defaultMode: Invalid value: -1: \(Text.mode)"
        ),
    ]

    static let mounts: [ValidationCase] = [
        .init(.mount, "{}"),
        .init(.mount, "{name: w}", "c.volumeMounts[0].name: Not found: \"w\""),
        .init(.mount, "{mountPath: ''}", "c.volumeMounts[0].mountPath: Required value"),
        .init(
            .spec,
            "{volumes: [{name: v}], containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /a}]}]}",
            "c.volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique"
        ),
        .init(
            .spec,
            "{volumes: [{name: v}], containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /a/}]}]}"
        ),
        .init(.mount, "{mountPath: 'a:b'}"),
        .init(
            .mount,
            "{subPath: /x}",
            "c.volumeMounts.subPath: Invalid value: \"/x\": must be a relative path"
        ),
        .init(
            .mount,
            "{subPath: a/../b}",
            "c.volumeMounts.subPath: Invalid value: \"a/../b\": must not contain '..'"
        ),
        .init(
            .mount,
            "{subPath: x, subPathExpr: y}",
            "c.volumeMounts[0].subPathExpr: Invalid value: \"y\": subPathExpr and subPath are mutually exclusive"
        ),
        .init(
            .mount,
            "{mountPropagation: Bidirectional}",
            "c.volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers"
        ),
        .init(
            .mount,
            "{mountPropagation: Both}",
            "c.volumeMounts[0].mountPropagation: Unsupported value: \"Both\": supported values: \"Bidirectional\", \"HostToContainer\", \"None\""
        ),
        .init(
            .mount,
            "{recursiveReadOnly: Enabled}",
            "c.volumeMounts[0].recursiveReadOnly: Forbidden: may only be specified when readOnly is true"
        ),
        .init(
            .mount,
            "{recursiveReadOnly: IfPossible, readOnly: true, mountPropagation: HostToContainer}",
            "c.volumeMounts[0].recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified"
        ),
        .init(.mount, "{recursiveReadOnly: Enabled, readOnly: true, mountPropagation: None}"),
    ]

    @Test("Rules of volumes, in Kubernetes' words", arguments: volumes)
    func checksVolumes(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }

    @Test("Rules of mounts, in Kubernetes' words", arguments: mounts)
    func checksMounts(_ test: ValidationCase) { #expect(test.errors() == test.expectedTexts) }
}
