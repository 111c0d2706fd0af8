// The compiler demands a resolver exactly where a message lacks a field, or has it in another form.
import type { Resolver, Resolvers, ResolversParentTypes } from '../gen/resolvers.js';

// What a field's resolver answers; `never` for what is no field.
type Answer<Field> = NonNullable<Field> extends Resolver<infer Result, never, never, never> ? Result : never;

type Demanded<TypeResolvers, Parent> = {
  [Field in keyof TypeResolvers]-?: Field extends '__isTypeOf'
    ? never
    : Field extends keyof Parent
      ? Parent[Field] extends Answer<TypeResolvers[Field]>
        ? never
        : Field
      : Field;
}[keyof TypeResolvers];

type Complete<TypeResolvers, Parent> = TypeResolvers & Required<Pick<TypeResolvers, Demanded<TypeResolvers, Parent>>>;

type CompleteOf<Type extends keyof Resolvers> = Type extends keyof ResolversParentTypes
  ? Complete<NonNullable<Resolvers[Type]>, ResolversParentTypes[Type]>
  : NonNullable<Resolvers[Type]>;

/** Types with nothing to resolve may be left out of the map. */
type Trivial = {
  [Type in keyof Resolvers]-?: Type extends keyof ResolversParentTypes
    ? [Demanded<NonNullable<Resolvers[Type]>, ResolversParentTypes[Type]>] extends [never]
      ? Type
      : never
    : never;
}[keyof Resolvers];

export type CompleteResolvers = { [Type in Exclude<keyof Resolvers, Trivial>]-?: CompleteOf<Type> } & { [Type in Trivial]?: CompleteOf<Type> };

/** Resolvers of some types, as a folder offers them. */
export type ResolversOf<Type extends keyof CompleteResolvers> = Required<Pick<CompleteResolvers, Type>>;
