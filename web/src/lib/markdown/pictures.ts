//! Pictures of a step: fetched with the token, shown from `data:` addresses, kept while the page lives.

const kept = new Map<string, Promise<string>>();

/** Fills in every picture in `root`; `load` fetches one by its name. */
export function loadPictures(root: HTMLElement, scope: string, load: (name: string) => Promise<Blob>): void {
  for (const picture of root.querySelectorAll<HTMLImageElement>('img[data-asset]:not([src])')) {
    const name = picture.dataset.asset ?? '';
    const key = `${scope}/${name}`;
    const address = kept.get(key) ?? load(name).then(dataAddress);
    kept.set(key, address);
    address.then(
      (src) => {
        picture.src = src;
      },
      () => {
        kept.delete(key);
        const words = document.createElement('em');
        words.textContent = picture.alt || `The picture ${name} could not be loaded.`;
        picture.replaceWith(words);
      },
    );
  }
}

const dataAddress = (blob: Blob): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
