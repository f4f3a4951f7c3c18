/** What we use of libheif-js, as version 1.19 to 1.23 has it; it declares no types for what it exports to Node. */
export interface Libheif {
  readonly ready?: PromiseLike<unknown>;
  readonly heif_colorspace: { readonly heif_colorspace_RGB: unknown };
  readonly heif_chroma: {
    readonly heif_chroma_interleaved_RGB: unknown;
    readonly heif_chroma_interleaved_RGBA: unknown;
  };
  heif_context_alloc(): object | null;
  heif_context_read_from_memory(context: object, bytes: Uint8Array): LibheifError;
  heif_js_context_get_primary_image_handle(context: object): object | LibheifError;
  heif_image_handle_has_alpha_channel(handle: object): number;
  heif_image_handle_is_premultiplied_alpha(handle: object): number;
  heif_js_decode_image2(
    handle: object,
    colorspace: unknown,
    chroma: unknown,
  ): LibheifImage | LibheifError | PromiseLike<LibheifImage | LibheifError>;
}

export interface LibheifError {
  /** An object of an enumeration; 0 is none. */
  readonly code: { readonly value: number };
  readonly subcode?: { readonly value: number };
  readonly message?: string;
}

export interface LibheifImage {
  readonly channels: readonly [
    {
      readonly width: number;
      readonly height: number;
      readonly stride: number;
      /** In the memory of the decoder. */
      readonly data: Uint8Array;
    },
  ];
}
