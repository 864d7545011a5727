import PodCore

/// The image store as container starts see it.
struct StoredImages: ImageProvider {
    let store: ImageStore

    func image(_ reference: String) throws -> NodeImage? {
        do throws(ImageFailure) {
            guard let image = try store.resolve(reference) else { return nil }
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
                accounts: try store.accounts(of: image)
            )
        } catch {
            throw StartFailure(waiting: error.waiting)
        }
    }
}
