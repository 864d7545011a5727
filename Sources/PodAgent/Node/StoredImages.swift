import PodCore

/// The image store as container starts see it.
struct StoredImages: ImageProvider {
    let store: ImageStore

    /// How often an image is looked at again that seems damaged.
    private static let damagesMax = 2

    func image(_ reference: String, for pod: PodKey) throws -> NodeImage? {
        do throws(ImageFailure) {
            guard let (image, hold) = try resolve(reference, for: pod) else { return nil }
            let root: ContainerLaunch.Root =
                switch image.root {
                case .layers(let names): .layers(directory: image.layersPath, names: names)
                case .directory(let path): .directory(path)
                }
            return NodeImage(
                name: image.name,
                id: image.imageID,
                configID: image.id,
                access: image.access,
                config: image.config,
                root: root,
                accounts: try store.accounts(of: image),
                hold: hold
            )
        } catch {
            throw StartFailure(waiting: error.waiting)
        }
    }

    func hold(_ id: String, for pod: PodKey) -> ImageHold { store.uses.hold(id, for: pod) }

    /// Finds the image and holds it, so that it is there when it is mounted.
    private func resolve(
        _ reference: String,
        for pod: PodKey
    ) throws(ImageFailure) -> (ResolvedImage, ImageHold?)? {
        var damages = 0
        while true {
            let departures = store.uses.departures
            let found: ResolvedImage?
            do throws(ImageFailure) {
                found = try store.resolve(reference)
            } catch {
                // One that is being removed looks damaged between the reading of its record and the look at its layers.
                guard case .damaged = error, damages < Self.damagesMax else { throw error }
                damages += 1
                continue
            }
            guard let image = found else { return nil }
            if case .directory = image.root { return (image, nil) }
            switch store.uses.hold(image.id, for: pod, since: departures) {
            case .held(let hold):
                noteUse(of: image)
                return (image, hold)
            case .departing: return nil
            case .outdated: continue
            }
        }
    }

    private func noteUse(of image: ResolvedImage) {
        do throws(SystemFailure) {
            try store.noteUse(of: image.id)
        } catch {
            // The container can run all the same; the image seems to be longer unused than it is.
            Log.warning("cannot note that \(image.name) is used: \(error)")
        }
    }
}
