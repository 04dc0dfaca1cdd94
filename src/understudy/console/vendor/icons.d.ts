export declare const ICONS: Readonly<Record<string, readonly (readonly [string, Record<string, string>])[]>>;
