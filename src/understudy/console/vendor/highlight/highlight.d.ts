declare const hljs: {
  registerLanguage(name: string, grammar: (hljs: unknown) => object): void;
  getLanguage(name: string): object | undefined;
  highlight(code: string, options: { language: string; ignoreIllegals?: boolean }): { value: string };
};
export default hljs;
